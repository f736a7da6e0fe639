//! The testing kit of the **soa** framework. Tests use it as `soa::testing`, by the feature `testing` of the crate `soa`.
//!
//! * [`TestServer`]: a service in the test's own process, with its middleware and a base context;
//! * assertions about a call, as macros ([`assert_runs!`], …) and as functions ([`runs`], …);
//! * snapshots of the outcome of a call ([`assert_response_snapshot!`]);
//! * [`Faults`]: drops, delays, duplicates and reorders calls, by a seed;
//! * [`Recording`] and [`replay!`]: what a service has answered, compared with what it answers now;
//! * [`plan`]: PySOA's test plans, which are cases in plain text.
//!
//! The kit takes a service or a client, and returns responses, or a description of each difference from what a test
//! expects. It opens no connection of its own.
//!
//! `soa::testing` has more than this crate: stubs, contexts for handlers, and the comparison of introspections. They are
//! part of the runtime and of the messages, and need no feature.

mod assertion;
mod fault;
pub mod plan;
mod replay;
mod server;
mod snapshot;

/// The paths that generated code names. They may change in any version.
#[doc(hidden)]
pub mod private {
    pub use crate::plan::entry::{Source, check, made, made_with, run_case, subject};
    pub use crate::plan::{Failure, Mocks, Subject};
}

pub use assertion::{
    Unexpected, runs, runs_with_error_codes, runs_with_errors, runs_with_field_errors,
    runs_with_only_error_codes, runs_with_only_field_errors,
};
pub use fault::{Faults, FaultyTransport};
pub use replay::Recording;
pub use server::TestServer;
pub use snapshot::snapshot;
