//! Metrics as a page for Prometheus.
//!
//! The recorder ([`recorder`]) collects the metrics, and [`page`] serves them. Both belong to the process: there is one
//! recorder, so metrics that other parts of the program record with the crate `metrics` are on the same page.

mod page;
mod recorder;

#[cfg(feature = "http")]
pub(crate) use recorder::install as metrics_page;
pub(super) use recorder::start;
