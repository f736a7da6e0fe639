//! Expansions by configuration: the objects that calls can have expanded, and the plan for those that one call asks for.
//!
//! Users know the configuration as `soa::client::Expansions`. Nothing in here makes calls: the client of the runtime
//! does, by the plan.

mod config;
mod plan;

pub use config::{Expansion, ExpansionRoute, Expansions};
pub use plan::{Plan, PlannedRoute, RequestedExpansions, RouteId, StepId};
