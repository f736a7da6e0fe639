//! Expansions: objects that a response names by their identifiers, fetched from other services.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod any_data;
mod configured;
mod limits;
mod typed;
mod world;
