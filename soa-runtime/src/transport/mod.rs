//! Transports: the way of jobs from clients to servers, and of responses back.
//!
//! A [`ClientTransport`] carries the jobs of one service: as messages over a queue, or straight to a server in the same
//! process ([`LocalTransport`](crate::server::LocalTransport)). A [`ServerTransport`] brings frames to the run loop of a
//! server and takes frames from it; [`LocalQueue`] is one in memory. Over Redis these are [`RedisClientTransport`] and
//! [`RedisServerTransport`].
//!
//! The traits are small and name no client library, so implementations can change freely.

mod client;
mod limits;
mod queue;
#[cfg(feature = "redis")]
mod redis;
mod reply;
mod server;

#[doc(hidden)]
pub use client::Misconfigured;
pub use client::{ClientTransport, ComponentSource, IntoTransport};
pub(crate) use limits::Fit;
pub use limits::MessageLimits;
pub use queue::LocalQueue;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis::{
    RedisClientTransport, RedisConnection, RedisCredentials, RedisMode, RedisServerTransport,
    RedisSettings, SentinelSettings, TlsSettings,
};
#[cfg(feature = "redis")]
#[doc(hidden)] // For the crates of the framework, see `RedisConnection::keys`.
pub use redis::{RedisKeys, RedisScript, RedisValue, component_key, service_key};
pub use reply::ReplyFuture;
pub use server::{Reply, ServerTransport};
