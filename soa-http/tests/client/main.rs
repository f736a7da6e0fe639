//! Calls over HTTP: connections, tokens, layers, and what becomes of a call when a connection breaks.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod connections;
mod context;
mod proxy;
mod support;
mod tokens;
