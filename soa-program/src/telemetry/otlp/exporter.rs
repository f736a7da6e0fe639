//! A wrapper around the exporter of OTLP, which corrects spans and logs failures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use soa_runtime::observe::trace::WAITED;

use super::collector::LastFailure;

/// An exporter that corrects the start of spans for waiting times, which are made when the wait is over. It logs when
/// exporting begins to fail, and when it works again.
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
        batch.iter_mut().for_each(correct_start);
        let outcome = self.inner.export(batch).await;
        let has_failed = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if !has_failed => {
                let cause = self.last_failure.take();
                tracing::warn!(%error, cause, spans, "exporting traces failed; the spans are lost");
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

/// Moves the start of a span for a waiting time back by that time.
fn correct_start(span: &mut SpanData) {
    let mut attributes = span.attributes.iter();
    let waited = attributes.find(|attribute| attribute.key.as_str() == WAITED);
    let Some(Value::I64(waited)) = waited.map(|attribute| &attribute.value) else {
        return;
    };
    let waited = Duration::from_micros(u64::try_from(*waited).unwrap_or(0));
    span.start_time = span.end_time.checked_sub(waited).unwrap_or(span.start_time);
}
