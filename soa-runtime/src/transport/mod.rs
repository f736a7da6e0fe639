//! Transports: the way of jobs from clients to servers, and of responses back.
//!
//! A [`ClientTransport`] carries the jobs of one service: as messages over a queue, or straight to a server in the same
//! process ([`LocalTransport`](crate::server::LocalTransport)). A [`ServerTransport`] brings frames to the run loop of a
//! server and takes frames from it; [`LocalQueue`] is one in memory. Over Redis these are [`RedisClientTransport`] and
//! [`RedisServerTransport`].
//!
//! The traits are small and name no client library, so implementations can change freely.

mod client;
mod delivery;
mod hold;
#[cfg(any(test, feature = "redis"))]
mod job_header;
mod limits;
mod queue;
mod redelivery;
#[cfg(feature = "redis")]
mod redis;
mod reply;
mod server;

#[doc(hidden)]
pub use client::Misconfigured;
pub use client::{ClientTransport, ComponentSource, IntoTransport};
pub use delivery::{Delivery, Promise, UnknownDelivery};
pub(crate) use delivery::{Judge, Loss, LostJob, Verdict};
#[cfg(feature = "redis")]
pub(crate) use hold::{Ending, Slot};
pub use hold::{Hold, Received, Reply};
pub(crate) use limits::Fit;
pub use limits::MessageLimits;
pub use queue::LocalQueue;
pub use redelivery::DeadLetter;
pub(crate) use redelivery::Redelivery;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis::{
    DeadFilter, RedisClientTransport, RedisConnection, RedisCredentials, RedisDeadLetters,
    RedisMode, RedisServerTransport, RedisSettings, SentinelSettings, TlsSettings,
};
#[cfg(feature = "redis")]
#[doc(hidden)] // For the crates of the framework, see `RedisConnection::keys`.
pub use redis::{HOLDER_VARIABLE, give_up_holders};
#[cfg(feature = "redis")]
#[doc(hidden)]
pub use redis::{
    RedisKeys, RedisMaster, RedisMonitor, RedisScript, RedisSentinel, RedisValue, component_key,
    service_key,
};
#[cfg(all(test, feature = "redis"))]
pub(crate) use redis::{SLOT_SIZE, Slots};
pub use reply::ReplyFuture;
pub use server::{Backlog, ServerTransport};
#[doc(hidden)]
pub use server::{RecordKeeper, Told};
