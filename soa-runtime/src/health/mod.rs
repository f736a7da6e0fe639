//! Health checks: what `status` tells about what a service needs to work.
//!
//! A [`HealthCheck`] looks at one thing (a database, a disk, the services that are called) and gives a [`Health`]:
//! warnings and errors, each a code for programs and a text for people, and diagnostics. `status` runs all checks side
//! by side and puts what they give together, in the order in which they were added.
//!
//! A check never fails `status`: one that panics, or is not done in time, is an error among the others. One that is
//! cached runs once for all who ask while it runs, and they wait for it: a result that is half done is never given, nor
//! is one twice as old as it may be.
//!
//! The methods of a service that are checks (`#[health_check]`) are a [`ServiceHealthCheck`] each, in a table like that of
//! its actions; a server makes a [`HealthCheck`] of each and runs it like those that the program adds.

pub(crate) mod check;
mod finding;
mod run;
mod services;

pub use check::{HealthCheck, ServiceHealthCheck};
pub use finding::{Health, IntoHealth};
pub(crate) use run::Checks;
