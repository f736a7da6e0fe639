//! Settings as operators write them: where they may stand, what beats what, and what is told of mistakes.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // Helpers of tests may fail loudly.

mod layers;
mod mistakes;
mod printed;
mod routes;
mod stubs;
mod support;
