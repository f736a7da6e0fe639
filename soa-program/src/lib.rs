//! The program around a service of **soa**: settings, command line, processes, and where its log, traces and metrics go.
//! Depend on the crate `soa`, whose feature `cli` brings this.
//!
//! * [`settings`]: sources into one tree with origins, checked against a schema, and read into types;
//! * [`telemetry`]: the log, the traces and the metrics, as the settings say;
//! * [`cli`]: the command line of a service, and its processes.
//!
//! [`main`] takes a service and does all of it. Nothing in here is needed by a service that another program serves.

pub mod cli;
pub mod settings;
pub mod telemetry;

pub use cli::{Program, main};
