//! The registry in Consul, with an agent that each test starts for itself.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod agent;
mod away;
mod entries;
mod fake;
mod instances;
#[path = "../../../soa-runtime/tests/support/log.rs"]
mod log;
mod support;
mod tls;
mod tokens;
mod vectors;
