//! What the tests of a service, and of its callers, are written with.
//!
//! * a generated client's `local(service)` calls the real service in the same process;
//! * a generated client's `stubbed(stub)` calls a [`Stub`] with typed handlers, which records calls;
//! * [`Context::for_test`](crate::Context::for_test) makes a context for calling a handler directly.

pub mod plan;
mod stub;

pub use stub::Stub;
