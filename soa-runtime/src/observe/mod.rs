//! Seeing what happens: spans, metrics, and where they go.
//!
//! ```text
//! trace    spans of calls and jobs, and the places in traces that travel    ─▶ any subscriber of `tracing`
//! metric   every metric, as a table           meter   what is counted where ─▶ any recorder of `metrics`
//! start    a program's log, traces and metrics as its settings say:
//!   log         lines on the standard error
//!   otlp        traces to a collector of OpenTelemetry      feature `otlp`
//!   prometheus  a page of metrics                           feature `prometheus`
//! ```
//!
//! The runtime itself only makes spans and counts. A program that has its own subscriber and recorder needs nothing from
//! here but to install them before it makes its servers and clients; `soa::main` does it as the settings say, and
//! other programs have `Settings::observe`.
//!
//! What nobody wants to see costs next to nothing: spans that no subscriber wants are neither made nor formatted, and a
//! handle of a metric without a recorder is empty.

pub(crate) mod meter;
mod metric;
pub(crate) mod trace;

#[cfg(feature = "cli")]
mod log;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "cli")]
mod start;

pub(crate) use metric::names;
pub use metric::{METRICS, Metric, MetricKind, MetricUnit, describe_metrics};
#[cfg(feature = "cli")]
pub use start::Observing;
#[cfg(feature = "cli")]
pub(crate) use start::{Identity, Wanted};
pub use trace::sample_traces;
