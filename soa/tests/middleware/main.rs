//! Middleware: the stacks in their places, tower's layers, and what is shipped.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod auth;
mod breaker;
mod cache;
#[cfg(feature = "tower")]
mod layers;
mod logging;
#[cfg(feature = "cli")]
mod record;
mod retry;
#[cfg(feature = "cli")]
mod settings;
mod stacks;
mod support;
