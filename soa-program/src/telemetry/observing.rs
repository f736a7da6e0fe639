//! The start and the end of the log, the traces and the metrics.

use soa_runtime::BuildError;

use super::identity::Identity;
use super::log::{self, BesideLayer};
#[cfg(feature = "otlp")]
use super::otlp;
#[cfg(feature = "prometheus")]
use super::prometheus;
use crate::settings::{LoggingSettings, MetricsSettings, Section, Settings, TracingSettings};

/// The running log, traces and metrics of a program, started by [`Settings::observe`].
#[must_use = "without `finish`, the last spans and lines are lost"]
#[derive(Debug)]
pub struct Observing {
    #[cfg(feature = "otlp")]
    export: Option<otlp::Export>,
}

/// The parts to start, with their settings.
pub(crate) struct Selection<'a> {
    pub(crate) logging: &'a LoggingSettings,
    /// True if lines are coloured on a terminal.
    pub(crate) may_be_coloured: bool,
    pub(crate) tracing: Option<&'a TracingSettings>,
    /// The settings of metrics, and the offset to add to their port.
    pub(crate) metrics: Option<(&'a MetricsSettings, u16)>,
}

impl Observing {
    /// Starts the selected parts, with layers of the program's own beside the log.
    pub(crate) fn start(
        selection: &Selection<'_>,
        identity: &Identity<'_>,
        layers: Vec<BesideLayer>,
    ) -> Result<Self, BuildError> {
        let endpoint = selection
            .tracing
            .and_then(|tracing| Some((tracing, tracing.endpoint.as_deref()?)));
        #[cfg(feature = "otlp")]
        let observing = {
            let export = endpoint
                .map(|(tracing, endpoint)| otlp::start(tracing, endpoint, identity))
                .transpose()?;
            let (layer, export) = export.unzip();
            let layers = layer.into_iter().chain(layers).collect();
            log::start(selection.logging, layers, selection.may_be_coloured)?;
            Self { export }
        };
        #[cfg(not(feature = "otlp"))]
        let observing = {
            let Identity { service, version } = identity;
            if endpoint.is_some() {
                return Err(missing("tracing.endpoint", "otlp", service, version));
            }
            log::start(selection.logging, layers, selection.may_be_coloured)?;
            Self {}
        };
        let page = selection
            .metrics
            .and_then(|(metrics, offset)| Some((metrics.listen.as_deref()?, offset)));
        #[cfg(feature = "prometheus")]
        if let Some((listen, offset)) = page {
            prometheus::start(listen, offset)?;
        }
        #[cfg(not(feature = "prometheus"))]
        if page.is_some() {
            let Identity { service, version } = identity;
            return Err(missing("metrics.listen", "prometheus", service, version));
        }
        Ok(observing)
    }

    /// Sends the remaining spans, within `tracing.timeout`, and writes the remaining lines of the log, within a second. This
    /// blocks the thread, so it is for the end of a program.
    #[cfg_attr(
        not(feature = "otlp"),
        expect(unused_mut, reason = "there is nothing to take")
    )]
    pub fn finish(mut self) {
        #[cfg(feature = "otlp")]
        if let Some(export) = self.export.take() {
            export.finish();
        }
    }
}

impl Drop for Observing {
    fn drop(&mut self) {
        log::flush();
    }
}

/// The error for a setting that needs a feature which the program does not have.
#[cfg(not(all(feature = "otlp", feature = "prometheus")))]
fn missing(key: &str, feature: &str, service: &str, version: &str) -> BuildError {
    BuildError::new(format!(
        "`{key}` needs the feature `{feature}` of soa, and {service} {version} was built without it"
    ))
}

impl<S: Section> Settings<S> {
    /// Starts the log, traces and metrics of these settings, for a program that does not use [`main`](fn@crate::main).
    /// Must be called on a tokio runtime with I/O and time, before servers and clients are made.
    ///
    /// ```
    /// use soa::settings::{NoSection, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let settings = Settings::<NoSection>::loader().set("logging.level=warn").load()?;
    /// let observing = settings.observe("nightly", env!("CARGO_PKG_VERSION"))?;
    /// tracing::warn!("this is on the standard error");
    /// observing.finish();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// An address is invalid or in use, or a setting needs a feature that the program was built without.
    pub fn observe(&self, service: &str, version: &str) -> Result<Observing, BuildError> {
        let selection = Selection {
            logging: &self.logging,
            may_be_coloured: true,
            tracing: Some(&self.tracing),
            metrics: Some((&self.metrics, 0)),
        };
        Observing::start(&selection, &Identity { service, version }, Vec::new())
    }
}
