//! Spans and metrics of calls and jobs, and the telemetry that a program's settings start.

#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub use soa_program::telemetry::Observing;
#[doc(inline)]
pub use soa_runtime::observe::*;
