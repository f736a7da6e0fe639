//! The behaviour of services and of their callers, through the public API and in one process.
//!
//! One binary for all of it: each would link the whole framework once more. Tests that look at what a whole process
//! shares (its log, its metrics, its threads) are binaries of their own beside this one.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod action_errors;
mod bad_messages;
mod bodies;
mod call_local;
mod client;
mod client_forms;
mod components;
mod context_values;
mod contract;
mod deadlines;
mod decimals;
mod delivery;
mod doors;
mod expansions;
mod guides;
mod health;
mod health_of_services;
mod hooks;
mod hostile;
#[cfg(feature = "http")]
mod http_calls;
mod introspected_actions;
mod introspection;
mod named_components;
mod replays;
mod run_loop;
mod server;
mod sessions;
mod testing;
mod validation;
mod variants;
