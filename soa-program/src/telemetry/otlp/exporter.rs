//! What stands before the exporter of OTLP.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::collector::LastFailure;

/// Sets the beginning of the spans of waits, which are made when a wait is over. Logs once when exporting begins to fail,
/// and once when it works again.
#[derive(Debug)]
pub(super) struct Exporter<E> {
    inner: E,
    is_failing: AtomicBool,
    last_failure: LastFailure,
}

impl<E> Exporter<E> {
    pub(super) fn new(inner: E, last_failure: LastFailure) -> Self {
        Self {
            inner,
            is_failing: AtomicBool::new(false),
            last_failure,
        }
    }
}

impl<E: SpanExporter> SpanExporter for Exporter<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        batch.iter_mut().for_each(begin_earlier);
        let outcome = self.inner.export(batch).await;
        let has_failed = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if !has_failed => {
                let cause = self.last_failure.take();
                tracing::warn!(%error, cause, spans, "exporting traces failed; they are lost");
            }
            Ok(()) if has_failed => tracing::info!("exporting traces works again"),
            _ => {}
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

fn begin_earlier(span: &mut SpanData) {
    let mut attributes = span.attributes.iter();
    let waited =
        attributes.find(|attribute| attribute.key.as_str() == soa_runtime::observe::trace::WAITED);
    let Some(Value::I64(waited)) = waited.map(|attribute| &attribute.value) else {
        return;
    };
    let waited = Duration::from_micros(u64::try_from(*waited).unwrap_or(0));
    span.start_time = span.end_time.checked_sub(waited).unwrap_or(span.start_time);
}
