//! Expansions by configuration: the objects that calls can have expanded, and the plan for those that one call asks for.
//!
//! Nothing in here makes calls; `fetch` does.

mod config;
mod plan;

pub use config::{Expansion, ExpansionRoute, Expansions};
pub(super) use plan::{Plan, PlannedRoute, RequestedExpansions, RouteId, StepId};
