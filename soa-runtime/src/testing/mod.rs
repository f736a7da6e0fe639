//! What the tests of a service, and of its callers, are written with.
//!
//! * [`TestServer`]: the real service in the same process, with its middleware and a base context; a generated client's
//!   `local(service)` for less;
//! * assertions about a call, as macros ([`assert_runs!`](crate::assert_runs), …) and as functions ([`runs`], …);
//! * a generated client's `stubbed(stub)` calls a [`Stub`] with typed handlers, which records calls;
//! * [`Context::for_test`](crate::Context::for_test) makes a context for calling a handler directly;
//! * [`plan`]: cases in plain text.

mod assertion;
pub mod plan;
mod server;
mod stub;

pub use assertion::{
    Unexpected, runs, runs_with_error_codes, runs_with_errors, runs_with_field_errors,
    runs_with_only_error_codes, runs_with_only_field_errors,
};
pub use server::TestServer;
pub use stub::{Answer, Exchange, Stub, Stubs};
