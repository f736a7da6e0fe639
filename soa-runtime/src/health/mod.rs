//! Health checks: the state of everything that a service needs, as `status` reports it.
//!
//! A [`HealthCheck`] looks at one thing (a database, a disk, the services that are called) and returns a [`Health`]:
//! warnings and errors, each a code for programs and a text for people, and diagnostics. `status` runs all checks side
//! by side and combines their results, in the order in which they were added.
//!
//! A component tells its checks over HTTP one by one, with a [`HealthStatus`] each.
//!
//! A check never fails `status`: a panic or a timeout of a check is an error in the result. A cached check runs once
//! for all callers that wait meanwhile; its result is complete, and never older than its cache time.
//!
//! The methods of a service that are checks (`#[health_check]`) are a [`ServiceHealthCheck`] each, in a table like that
//! of its actions. A server makes a [`HealthCheck`] of each and runs it like those that the program adds.

pub(crate) mod check;
mod finding;
mod run;
mod services;

pub use check::{HealthCheck, ServiceHealthCheck};
#[doc(hidden)]
pub use finding::CheckReport;
pub use finding::{Health, HealthStatus, IntoHealth};
pub(crate) use run::Checks;
