//! Transports: the traits, and the implementations within a process and over Redis.
//!
//! A [`ClientTransport`] sends the jobs of a client to one service, and a [`ServerTransport`] delivers them to the run loop
//! of a server. [`LocalTransport`] calls a server in the same process directly, and [`LocalQueue`] is a queue in memory. See
//! the guide [redis](crate::docs::redis) for queues in Redis.

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(inline)]
pub use soa_redis::{
    DeadFilter, RedisClientTransport, RedisConnection, RedisCredentials, RedisDeadLetters,
    RedisMode, RedisServerTransport, RedisSettings, SentinelSettings, TlsSettings,
};
#[doc(inline)]
pub use soa_runtime::LocalTransport;
#[doc(inline)]
pub use soa_runtime::transport::{
    Backlog, ClientTransport, ComponentSource, DeadLetter, Delivery, Hold, IntoTransport,
    LocalQueue, MessageLimits, Promise, Received, Reply, ReplyFuture, ServerTransport,
    UnknownDelivery,
};
