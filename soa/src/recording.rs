//! Recordings: requests with their answers in a file or in Redis, and their replay against a service.
//!
//! The middleware [`Record`](crate::middleware::Record) writes them, the command `soa replay` and
//! [`testing::replay!`](crate::testing) send them again. See the guide [record and replay](crate::docs::record_and_replay).

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(inline)]
pub use soa_redis::RedisRecords;
#[doc(inline)]
pub use soa_runtime::recording::*;
