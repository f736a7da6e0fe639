//! What the tests of a service, and of its callers, are written with.
//!
//! * [`TestServer`]: the real service in the same process, with its middleware and a base context; a generated client's
//!   `local(service)` for less;
//! * assertions about a call, as macros ([`assert_runs!`](crate::assert_runs), …) and as functions ([`runs`], …);
//! * snapshots of what calls come to ([`assert_response_snapshot!`](crate::assert_response_snapshot));
//! * a generated client's `stubbed(stub)` calls a [`Stub`] with typed handlers, which records calls; [`Stubs`] stand for several
//!   services, and [`StubSettings`] for one in the settings of a program;
//! * [`Introspection`] holds a stub against the service that it stands for, and [`check_compatible`] a service against its
//!   next version;
//! * [`Faults`] loses, delays, doubles and reorders calls;
//! * [`Context::for_test`](crate::Context::for_test) makes a context for calling a handler directly;
//! * [`plan`]: cases in plain text.

mod assertion;
mod fault;
pub mod plan;
mod server;
mod snapshot;

/// The only door for generated code. Nothing here is for people, and all of it may change.
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
pub use server::TestServer;
pub use snapshot::snapshot;
