//! The listener, by sockets.

#![allow(clippy::expect_used, clippy::unwrap_used)] // Helpers of tests may fail loudly, too.

mod cors;
mod hostile;
mod limits;
mod shortcuts;
mod stopping;
mod support;
mod versions;
