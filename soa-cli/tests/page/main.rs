//! The page of `soa dashboard` in a real browser, with a real Redis and real services.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // What the processes of a failed test have said, and what is measured.

#[path = "../../../soa-http/tests/descriptions/page/browser.rs"]
mod browser;
#[allow(dead_code)] // Shared with the tests of interoperability, which use more of it.
#[path = "../../../soa/tests/interop/processes.rs"]
mod processes;
#[allow(dead_code)] // Shared with the tests of the other commands, which use more of it.
#[path = "../terminal/support.rs"]
mod support;

mod bundle;
mod calling;
mod fleet;
mod losing;
mod pictures;
mod seeing;
mod signing;
mod size;
mod window;
