//! The log, the traces and the metrics of a program, as its settings say.
//!
//! ```text
//! start        puts the three together
//!   log          lines on the standard error
//!   otlp         traces to a collector of OpenTelemetry      feature `otlp`
//!   prometheus   a page of metrics                           feature `prometheus`
//! ```
//!
//! `soa::main` starts all of it. Other programs call `Settings::observe`. A program that has installed a subscriber or a
//! recorder of its own keeps it.

mod log;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;
mod start;

pub use start::Observing;
pub(crate) use start::{Identity, Wanted};
