//! The command line and the settings of services of the **soa** framework, and the set-up of their logs, metrics and
//! traces. Do not depend on this crate: use `soa` with its feature `cli`, which re-exports it.
//!
//! * [`settings`]: files, variables and flags, merged, checked against a schema, and read into types;
//! * [`telemetry`]: the log, the traces and the metrics, as the settings say;
//! * [`cli`]: the commands of a service, its processes and its signals.
//!
//! [`main`](fn@main) takes a service and does all of it. A service that another program runs needs nothing of this crate.
//!
//! The crate works on Unix only.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!(
    "the feature `cli` of the crate `soa` works on Unix only; to switch it off, depend on `soa` with \
     `default-features = false, features = [\"redis\"]`"
);

// Elsewhere, the error above is to be the only one.
#[cfg(unix)]
pub mod cli;
#[cfg(unix)]
pub mod settings;
#[cfg(unix)]
pub mod telemetry;

#[cfg(unix)]
pub use cli::{Program, main};
