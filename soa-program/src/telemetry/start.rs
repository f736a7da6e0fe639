//! A program's log, traces and metrics, as its settings say.

use crate::settings::{LoggingSettings, MetricsSettings, Section, Settings, TracingSettings};
use soa_runtime::BuildError;

/// Log, traces and metrics of a program, started by [`Settings::observe`].
#[must_use = "what was recorded last is sent by `finish`"]
#[derive(Debug)]
pub struct Observing {
    #[cfg(feature = "otlp")]
    export: Option<super::otlp::Export>,
}

/// Who is seen.
pub(crate) struct Identity<'a> {
    pub(crate) service: &'a str,
    pub(crate) version: &'a str,
}

/// What of a program is seen.
pub(crate) struct Wanted<'a> {
    pub(crate) logging: &'a LoggingSettings,
    /// Whether lines may have colours, on a terminal.
    pub(crate) may_be_coloured: bool,
    pub(crate) tracing: Option<&'a TracingSettings>,
    /// And by how much its port is higher than the one in the settings.
    pub(crate) metrics: Option<(&'a MetricsSettings, u16)>,
}

impl Observing {
    pub(crate) fn start(wanted: &Wanted<'_>, identity: &Identity<'_>) -> Result<Self, BuildError> {
        let endpoint = wanted
            .tracing
            .and_then(|tracing| Some((tracing, tracing.endpoint.as_deref()?)));
        #[cfg(feature = "otlp")]
        let observing = {
            let export = endpoint
                .map(|(tracing, endpoint)| super::otlp::start(tracing, endpoint, identity))
                .transpose()?;
            let (layer, export) = export.unzip();
            super::log::start(wanted.logging, layer, wanted.may_be_coloured);
            Self { export }
        };
        #[cfg(not(feature = "otlp"))]
        let observing = {
            let Identity { service, version } = identity;
            if endpoint.is_some() {
                return Err(missing("tracing.endpoint", "otlp", service, version));
            }
            super::log::start(wanted.logging, None, wanted.may_be_coloured);
            Self {}
        };
        let page = wanted
            .metrics
            .and_then(|(metrics, offset)| Some((metrics.listen.as_deref()?, offset)));
        #[cfg(feature = "prometheus")]
        if let Some((listen, offset)) = page {
            super::prometheus::start(listen, offset)?;
        }
        #[cfg(not(feature = "prometheus"))]
        if page.is_some() {
            let Identity { service, version } = identity;
            return Err(missing("metrics.listen", "prometheus", service, version));
        }
        Ok(observing)
    }

    /// Sends what was recorded last, for as long as `tracing.timeout` lets it. Blocks its thread meanwhile, so it is for
    /// the end of a program.
    pub fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(export) = self.export {
            export.finish();
        }
    }
}

#[cfg(not(all(feature = "otlp", feature = "prometheus")))]
fn missing(key: &str, feature: &str, service: &str, version: &str) -> BuildError {
    BuildError::new(format!(
        "`{key}` is set, but {service} {version} was built without the feature `{feature}` of soa"
    ))
}

impl<S: Section> Settings<S> {
    /// Starts log, traces and metrics as these settings say, for a program that does not use
    /// [`main`](fn@crate::main). Must be called on a tokio runtime with I/O and time, before servers and clients are made.
    ///
    /// # Errors
    /// An address that is none or is taken; a setting that needs a feature which the program was built without.
    pub fn observe(&self, service: &str, version: &str) -> Result<Observing, BuildError> {
        let wanted = Wanted {
            logging: &self.logging,
            may_be_coloured: true,
            tracing: Some(&self.tracing),
            metrics: Some((&self.metrics, 0)),
        };
        Observing::start(&wanted, &Identity { service, version })
    }
}
