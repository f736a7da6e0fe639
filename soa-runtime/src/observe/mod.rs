//! Spans and metrics of calls and jobs.
//!
//! ```text
//! trace    spans of calls and jobs, and the places in traces that travel    ─▶ any subscriber of `tracing`
//! metric   every metric, as a table           meter   what is counted where ─▶ any recorder of `metrics`
//! record   what a worker tells about itself                                 ─▶ Redis, for tools that show a fleet
//! ```
//!
//! The runtime only makes spans and counts. A program installs its subscriber and its recorder before it makes servers
//! and clients. `soa::main` does that by the settings.
//!
//! Unused observation costs next to nothing: a span without a subscriber is neither made nor formatted, and the handle
//! of a metric without a recorder is empty.

pub(crate) mod meter;
mod metric;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod trace;

#[doc(hidden)]
pub use metric::names;
pub use metric::{METRICS, Metric, MetricKind, MetricUnit, describe_metrics};
pub use trace::sample_traces;
