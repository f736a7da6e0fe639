//! The doors over HTTP, by their router.

mod authentication;
mod health;
mod internals;
mod probes;
mod routes;
mod support;
