//! Calls of components: who is called, and what happens when an address fails.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod budget;
mod failing;
mod finding;
#[path = "../../../soa-runtime/tests/support/log.rs"]
mod log;
mod overloaded;
mod soak;
mod support;
