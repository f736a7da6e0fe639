//! The Redis transport, over a Redis that each test starts for itself. The tests of TLS need the feature `tls`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod acl;
mod advice;
mod bad_messages;
mod calls;
mod chunks;
mod cluster;
mod counts;
mod distance;
mod distant;
mod failover;
mod fleet;
mod forms;
mod holding;
mod holding_faults;
mod holding_long;
#[path = "../../../soa-runtime/tests/support/log.rs"]
mod kept;
mod keys;
mod large;
mod lease_times;
mod limits;
mod loading;
mod nights;
mod overload;
mod proxy;
mod pulls;
mod queue;
mod records;
mod restart;
mod ring;
mod rotation;
mod runtimes;
mod sentinel;
mod sessions;
mod support;
mod take_back;
mod takeover;
#[cfg(feature = "tls")]
mod tls;
mod told;
mod transactions;
