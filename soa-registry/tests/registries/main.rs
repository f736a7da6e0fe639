//! Registries without a server of their own, and the directory above all of them.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod directory;
mod keeper;
#[path = "../../../soa-runtime/tests/support/log.rs"]
mod log;
mod simple;
mod support;
