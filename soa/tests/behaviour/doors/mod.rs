//! The doors over HTTP, by their router.

mod authentication;
mod components;
mod health;
mod internals;
mod probes;
mod refusals;
mod routes;
mod support;
mod values;
