//! The page of `soa dashboard` in a real browser, with a real Redis and real services.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // What the processes of a failed test have said, and what is measured.

#[path = "../../../soa-http/tests/descriptions/page/browser.rs"]
mod browser;
#[path = "../../../soa/tests/interop/processes.rs"]
mod processes;
#[path = "../terminal/services.rs"]
mod services;

mod bundle;
mod calling;
mod fleet;
mod losing;
mod pictures;
mod seeing;
mod signing;
mod size;
mod window;
