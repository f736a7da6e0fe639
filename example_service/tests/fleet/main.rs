//! Instances in Rust and in Python under one Consul, called by both, while some of them die, stop and come back.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../soa-registry/tests/consul/agent.rs"]
#[allow(dead_code, reason = "it can do more for other tests")]
mod agent;
mod load;
mod mixed;
mod registry_away;
mod rolling;
mod support;
