//! Traces to a collector of OpenTelemetry, by OTLP over HTTP with protobuf.
//!
//! ```text
//! spans ─▶ layer (tracing-opentelemetry) ─▶ queue, bounded ─▶ a thread of its own ─▶ collector
//! ```
//!
//! Calls and jobs put finished spans into the queue and wait for nobody; what does not fit is dropped. The thread sends
//! a batch as often as the settings say, by a client ([`collector`]) that does not use the runtime
//! of the service, which may be busy or gone. A collector that is away costs spans and a line in the log.
//!
//! Which traces are recorded is decided before their spans are made ([`trace`](super::trace)), so the SDK samples nothing. A
//! program's own spans and records go along where they are inside of recorded ones.

mod collector;
mod exporter;

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::dynamic_filter_fn;

use self::collector::Collector;
use self::exporter::Exporter;
use super::log;
use super::start::Identity;
use crate::settings::TracingSettings;
use soa_runtime::BuildError;
use soa_runtime::observe::trace::{LOG, TRACE, sample_traces};

/// So many spans are sent at once.
const BATCH: usize = 512;

/// What sends traces.
#[derive(Debug)]
pub(super) struct Export {
    provider: SdkTracerProvider,
    timeout: Duration,
}

impl Export {
    /// Sends what is left, within the timeout.
    pub(super) fn finish(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(self.timeout) {
            tracing::warn!(%error, "exporting the last traces failed");
        }
    }
}

/// Starts to send; gives the layer that takes spans.
pub(super) fn start(
    settings: &TracingSettings,
    endpoint: &str,
    identity: &Identity<'_>,
) -> Result<(log::Export, Export), BuildError> {
    let collector = Collector::new(endpoint, settings.timeout.get())?;
    let last_failure = collector.last_failure();
    let headers = settings.headers.iter();
    let headers: HashMap<String, String> = headers
        .map(|(name, value)| (name.clone(), value.expose().to_owned()))
        .collect();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(collector.url())
        .with_timeout(settings.timeout.get())
        .with_headers(headers)
        .with_http_client(collector)
        // What waits meanwhile would be dropped, and the end of the program would wait as well.
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| BuildError::new(format!("`tracing`: {error}")))?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(settings.queue)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(settings.interval.get())
        .build();
    let processor = BatchSpanProcessor::builder(Exporter::new(exporter, last_failure))
        .with_batch_config(config)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource(settings, identity))
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("soa"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    let is_ours = |target: &str| target.starts_with(TRACE);
    let filter = dynamic_filter_fn(move |metadata, context| {
        let target = metadata.target();
        // Most spans are those of jobs whose traces are not recorded; nothing has to be looked up for these.
        is_ours(target) || target != LOG && context.lookup_current().is_some()
    });
    let filter = filter
        .with_callsite_filter(move |metadata| match metadata.level() {
            _ if is_ours(metadata.target()) => Interest::always(),
            level if *level <= Level::INFO => Interest::sometimes(),
            _ => Interest::never(),
        })
        .with_max_level_hint(LevelFilter::INFO);
    sample_traces(settings.sample);
    let export = Export {
        provider,
        timeout: settings.timeout.get(),
    };
    Ok((layer.with_filter(filter).boxed(), export))
}

/// What every span says of this process.
fn resource(settings: &TracingSettings, identity: &Identity<'_>) -> Resource {
    let more = settings.resource.iter();
    let more = more.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let own = [
        KeyValue::new("service.name", identity.service.to_owned()),
        KeyValue::new("service.version", identity.version.to_owned()),
        KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
    ];
    // What is said last counts.
    Resource::builder()
        .with_attributes(own)
        .with_attributes(more)
        .build()
}
