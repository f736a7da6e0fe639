//! Settings as operators write them: their sources, their precedence, and the messages about mistakes.

#![allow(clippy::unwrap_used)] // Helpers of tests may fail loudly.

mod components;
mod layers;
mod mistakes;
mod printed;
mod routes;
mod stubs;
mod support;
