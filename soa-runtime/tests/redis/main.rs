//! The Redis transport, over a Redis that each test starts for itself. The tests of TLS need the feature `tls`.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod acl;
mod advice;
mod bad_messages;
mod calls;
mod chunks;
mod cluster;
mod fleet;
mod forms;
#[path = "../support/log.rs"]
mod kept;
mod keys;
mod limits;
mod loading;
mod nights;
mod proxy;
mod queue;
mod restart;
mod ring;
mod rotation;
mod runtimes;
mod sentinel;
mod sessions;
mod support;
mod take_back;
#[cfg(feature = "tls")]
mod tls;
mod told;
