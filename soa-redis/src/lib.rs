//! The transport of the protocol over Redis: queues as PySOA has them (protocol, sections 5 and 9), held jobs, dead letters,
//! sessions, and keys for the other crates of **soa**. Depend on the crate `soa`, which re-exports all of this.
//!
//! ```text
//! client ── outbox ──▶ pysoa:service.<service> ──▶ popper ── server
//!    ▲                                                          │
//!    └─ reader ◀── pysoa:service.<service>.<client>!<suffix> ◀──┴── outbox (one for each list)
//! ```
//!
//! * An *outbox* stands before each list that messages are pushed to. It pushes all that are there at once, and
//!   collects further ones meanwhile for the next push: no message waits for others to come.
//! * A client has **one reply list for each service**, and its answers find their calls by their ids. One *reader* for each
//!   master takes from the reply lists of all services there, while there are calls that wait.
//! * A server's *poppers*, one for each master, take requests in tasks of their own, since a pop that is given up loses
//!   a message; together they take as many as the run loop has room for and no more.
//! * There may be several masters: a *ring* of those in the settings or of those that sentinels report, or the nodes of a
//!   cluster. A *master connection* leads to one of them wherever it is.
//!
//! Nothing is pushed twice: a push whose outcome is unknown fails its call. Everything goes on by itself after Redis was
//! restarted or replaced. The client library, which encrypts, is known to `backend/tls` alone.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod age;
mod aloud;
mod backend;
mod backlog;
mod batch;
mod client;
mod clock;
mod condition;
mod connection;
mod dead;
mod directory;
mod groups;
mod hold;
mod hold_base;
mod hold_keys;
mod keys;
mod lease;
mod lease_thread;
mod lease_time;
mod master;
mod masters;
mod message;
mod meter;
mod naming;
mod outbox;
mod outcome;
mod patrol;
mod pause;
mod pop_size;
mod popper;
mod reader;
mod reclaim;
mod record;
mod recorded;
mod replies;
mod reply_list;
mod reply_lists;
mod requests;
mod ring;
mod scripts;
mod server;
mod sessions;
mod settings;
mod standing;
mod sweep;
mod take_back;
mod taking;
mod turns;
mod value;
mod watch;

pub use client::RedisClientTransport;
pub use connection::RedisConnection;
pub use dead::{DeadFilter, RedisDeadLetters};
#[doc(hidden)]
// For the crates of the framework, as all that is hidden here; see `RedisConnection::keys`.
pub use hold::HOLDER_VARIABLE;
#[doc(hidden)]
pub use keys::{RedisKeys, RedisScript, component_key, service_key};
#[doc(hidden)]
pub use lease_thread::give_up_holders;
#[doc(hidden)]
pub use masters::{RedisMaster, RedisMonitor, RedisSentinel};
pub use recorded::RedisRecords;
pub use server::RedisServerTransport;
pub use sessions::RedisSessions;
pub use settings::{RedisCredentials, RedisMode, RedisSettings, SentinelSettings, TlsSettings};
#[doc(hidden)]
pub use value::RedisValue;
