//! Spans and metrics of calls and jobs, and their export by the settings of a program. See the guide
//! `soa::docs::observing`.

#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub use soa_program::telemetry::Observing;
#[doc(inline)]
pub use soa_runtime::observe::*;
