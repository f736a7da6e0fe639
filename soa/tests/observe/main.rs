//! What can be seen of services: spans, the place in a trace that travels, metrics, and the dashboard.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // What the processes of a failed test have said.

#[cfg(feature = "otlp")]
mod chain;
mod dashboard;
mod metrics;
#[cfg(feature = "otlp")]
#[path = "../interop/processes.rs"]
mod processes;
#[cfg(feature = "otlp")]
#[path = "../interop/python.rs"]
mod python;
#[cfg(feature = "otlp")]
mod receiver;
#[cfg(feature = "otlp")]
#[path = "../interop/sentinel.rs"]
mod sentinel;
mod spans;
