//! The log, the traces and the metrics of a program, as its settings say.
//!
//! ```text
//! observing    starts the three
//!   log          lines on the standard error
//!     writer       their way there, which blocks nobody
//!   otlp         traces to a collector of OpenTelemetry      feature `otlp`
//!   prometheus   a page of metrics                           feature `prometheus`
//! ```
//!
//! `soa::main` starts all of it. Other programs call [`Settings::observe`](crate::settings::Settings::observe). A program
//! that has already installed a subscriber of `tracing` keeps it.

mod identity;
mod log;
mod observing;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;
mod writer;

pub(crate) use identity::Identity;
pub(crate) use log::{BesideLayer, flush, write_last};
pub use observing::Observing;
pub(crate) use observing::Selection;
#[cfg(all(feature = "http", feature = "prometheus"))]
pub(crate) use prometheus::metrics_page;
