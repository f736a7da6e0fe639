//! Tests of services and of their callers. See the guide [testing](crate::docs::testing).
//!
//! Without further features:
//!
//! * the generated client calls the real service in the same process (`local(service)`), or a [`Stub`] with typed handlers,
//!   which records its calls (`stubbed(stub)`). [`Stubs`] stand for several services, and [`StubSettings`] for one in the
//!   settings of a program;
//! * [`Context::for_test`](crate::Context::for_test) creates a context to call a handler directly;
//! * [`Introspection`] compares a stub with the service that it stands for, and [`check_compatible`] a service with its next
//!   version.
//!
//! With the feature `testing`, for dev-dependencies:
//!
//! * `TestServer`: the real service in the same process, with its middleware and a base context;
//! * assertions about a call, as macros (`assert_runs!`, …) and as functions (`runs`, …);
//! * snapshots of the outcome of a call (`assert_response_snapshot!`);
//! * `Recording` and the macro `replay!`: what a service has answered, compared with what it answers now;
//! * `Faults`: drops, delays, duplicates and reorders calls;
//! * `plan` and the macro `test_plans!`: cases in plain text.

#[doc(inline)]
pub use soa_runtime::stub::{
    Answer, Exchange, Stub, StubSettings, StubTransport, StubbedAction, StubbedError, Stubs,
};
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
#[doc(inline)]
pub use soa_testing::{
    Faults, FaultyTransport, Recording, TestServer, Unexpected, plan, replay, runs,
    runs_with_error_codes, runs_with_errors, runs_with_field_errors, runs_with_only_error_codes,
    runs_with_only_field_errors, snapshot,
};
#[doc(inline)]
pub use soa_wire::introspection::{
    ActionChange, Compatibility, CompatibilityReport, Drift, Introspection, IntrospectionSource,
    check_compatible,
};
