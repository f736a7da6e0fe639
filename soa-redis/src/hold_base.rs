//! The needs of a process that holds requests at one master, whatever name it has there.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use metrics::{Counter, Gauge};
use soa_runtime::transport::Promise;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::hold_keys::HoldKeys;
use super::lease_time::LeaseTime;
use super::master::MasterConnection;
use super::ring::Ring;

/// The parts that all lives at one master share.
pub(super) struct Base {
    pub(super) keys: HoldKeys,
    pub(super) promise: Promise,
    /// The connection for all but pops.
    pub(super) master: Arc<MasterConnection>,
    pub(super) ring: Weak<Ring>,
    /// Times after which this process is given up.
    pub(super) time: LeaseTime,
    /// The clocks before anything was taken: the monotonic one, and the wall clock in Unix seconds.
    pub(super) begun: (Instant, f64),
    /// Least time to live of lists, in milliseconds.
    pub(super) lifetime: Bytes,
    /// The name of the process of `--fork`, with which all of its names begin; empty without.
    pub(super) prefix: String,
    pub(super) held: Gauge,
    pub(super) fenced: Counter,
    /// Wakes the pull that waits: there are jobs to run again, or it has to begin anew.
    pub(super) woken: Notify,
}
