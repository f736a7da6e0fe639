//! The binary, as newcomers and operators run it.

#![allow(clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // The output of the processes of a failed test.

mod chain;
mod clock;
mod daemon;
mod delivery;
mod fork;
mod health;
mod hooks;
mod http;
mod life;
mod log;
#[cfg(all(feature = "otlp", feature = "prometheus"))]
mod observing;
mod processes;
#[cfg(all(feature = "otlp", feature = "prometheus"))]
#[path = "../../../soa/tests/observe/receiver.rs"]
mod receiver;
mod serving;
mod stopping;
mod types;
mod watch;
mod without_a_server;
