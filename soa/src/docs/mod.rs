//! Guides, one page for each subject. Every example in them is compiled and run as a test.
//!
//! | | |
//! |---|---|
//! | [`getting_started`] | From an empty crate to a service with a client |
//! | [`contracts`] | A service's actions as a trait, for callers without the server |
//! | [`calling`] | Every form of a call, and its options |
//! | [`expansions`] | Objects of other services in place of their identifiers |
//! | [`errors`] | Errors of services, and errors that callers get |
//! | [`validation`] | Rules for fields, absence and nil, the types of the protocol |
//! | [`middleware`] | Code around jobs, actions and calls |
//! | [`switches`] | Feature switches that are passed on from service to service |
//! | [`deadlines`] | Timeouts, and jobs whose caller no longer waits |
//! | [`health`] | Health checks, which `status` runs |
//! | [`redis`] | Serving and calling over Redis |
//! | [`delivery`] | What becomes of a job when a process or Redis fails, and dead letters |
//! | [`http`] | Serving over HTTP: the address, limits, the stop, routers of axum. With the features `http` and `cli` |
//! | [`calling_http`] | Calling over HTTP: channels, addresses, tokens, connections. With the feature `http` |
//! | [`rest`] | Actions over HTTP by routes, and their description. With the feature `http` |
//! | [`components`] | Components: their start and stop, registries, the choice of an address, retries. With the feature `http` |
//! | [`running`] | A service as a program: `main`, settings, commands, shutdown. With the feature `cli` |
//! | [`observing`] | Logs, metrics and traces. With the feature `cli` |
//! | [`settings`] | Every key of the settings. With the feature `cli` |
//! | [`testing`] | Services without a network, assertions, stubs, snapshots, contracts, faults |
//! | [`record_and_replay`] | Requests and answers of production in a file, and their replay against another version |
//! | [`test_plans`] | PySOA's test plans, a test for each case |
//! | [`from_pysoa`] | PySOA's names, and the differences |
//! | [`from_aspyx`] | Aspyx's names and channels, and the differences. With the feature `http` |

#[doc = include_str!("getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("contracts.md")]
pub mod contracts {}

#[doc = include_str!("calling.md")]
pub mod calling {}

#[doc = include_str!("expansions.md")]
pub mod expansions {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("validation.md")]
pub mod validation {}

#[doc = include_str!("middleware.md")]
pub mod middleware {}

#[doc = include_str!("switches.md")]
pub mod switches {}

#[doc = include_str!("deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("health.md")]
pub mod health {}

#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
#[doc = include_str!("rest.md")]
pub mod rest {}

#[doc = include_str!("redis.md")]
pub mod redis {}

#[doc = include_str!("delivery.md")]
pub mod delivery {}

#[cfg(all(feature = "cli", feature = "http"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "cli", feature = "http"))))]
#[doc = include_str!("http.md")]
pub mod http {}

#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
#[doc = include_str!("calling_http.md")]
pub mod calling_http {}

#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
#[doc = include_str!("components.md")]
pub mod components {}

#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
#[doc = include_str!("running.md")]
pub mod running {}

#[doc = include_str!("operating.md")]
pub mod operating {}

#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
#[doc = include_str!("observing.md")]
pub mod observing {}

#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
#[doc = include_str!("settings.md")]
pub mod settings {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("record_and_replay.md")]
pub mod record_and_replay {}

#[doc = include_str!("test_plans.md")]
pub mod test_plans {}

#[doc = include_str!("from_pysoa.md")]
pub mod from_pysoa {}

#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
#[doc = include_str!("from_aspyx.md")]
pub mod from_aspyx {}
