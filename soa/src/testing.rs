//! Tests of services and of their callers.
//!
//! Without further features:
//!
//! * a generated client's `local(service)` calls the real service in the same process, and `stubbed(stub)` a [`Stub`] with
//!   typed handlers, which records calls; [`Stubs`] stand for several services, and [`StubSettings`] for one in the settings
//!   of a program;
//! * [`Context::for_test`](crate::Context::for_test) makes a context for calling a handler directly;
//! * [`Introspection`] holds a stub against the service that it stands for, and [`check_compatible`] a service against its
//!   next version.
//!
//! With the feature `testing`, for dev-dependencies:
//!
//! * `TestServer`: the real service in the same process, with its middleware and a base context;
//! * assertions about a call, as macros (`assert_runs!`, …) and as functions (`runs`, …);
//! * snapshots of the outcome of calls (`assert_response_snapshot!`);
//! * `Faults`, which loses, delays, doubles and reorders calls;
//! * `plan`: cases in plain text, and the macro `test_plans!`.

#[doc(inline)]
pub use soa_runtime::stub::{
    Answer, Exchange, Stub, StubSettings, StubbedAction, StubbedError, Stubs,
};
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
#[doc(inline)]
pub use soa_testing::*;
#[doc(inline)]
pub use soa_wire::introspection::{
    ActionChange, Compatibility, CompatibilityReport, Drift, Introspection, IntrospectionSource,
    check_compatible,
};
