//! Queues in Redis: the transport of the protocol (protocol, sections 5 and 9).
//!
//! ```text
//! client ── outbox ──▶ pysoa:service.<service> ──▶ popper ── server
//!    ▲                                                          │
//!    └─ reader ◀── pysoa:service.<service>.<client>!<suffix> ◀──┴── outbox (one for each list)
//! ```
//!
//! * An *outbox* stands before each list that messages are pushed to. It pushes all that are there with one call of a script,
//!   and collects further ones meanwhile for the next: no message waits for others to come.
//! * A client has **one reply list for each service**, and its answers find their calls by their ids. One *reader* for each
//!   master takes from the reply lists of all services there, while there are calls that wait.
//! * A server's *poppers*, one for each master, take requests in tasks of their own, since a pop that is given up loses
//!   a message; together they take as many as the run loop has room for and no more.
//! * There may be several masters: a *ring* of those in the settings or of those that sentinels report, or the nodes of a
//!   cluster. A *master connection* leads to one of them wherever it is.
//!
//! Nothing is pushed twice: a push whose outcome is unknown fails its call. Everything goes on by itself after Redis was
//! restarted or replaced. The client library is known to `backend` alone.
//!
//! Each file uses only those above it: `naming`, `pause`, `value`, `meter`, `message`, `turns`, `settings`, `clock`, `condition`, `backlog`, `backend`,
//! `scripts`, `directory`, `master`, `outbox`, `take_back`, `reply_list`, `groups`, `reader`, `ring`, `reply_lists`,
//! `connection`, `keys`, `replies`, `client`, `server`.

mod backend;
mod backlog;
mod client;
mod clock;
mod condition;
mod connection;
mod directory;
mod groups;
mod keys;
mod master;
mod message;
mod meter;
mod naming;
mod outbox;
mod pause;
mod reader;
mod replies;
mod reply_list;
mod reply_lists;
mod ring;
mod scripts;
mod server;
mod settings;
mod take_back;
mod turns;
mod value;

pub use client::RedisClientTransport;
pub use connection::RedisConnection;
pub use keys::{RedisKeys, RedisScript, component_key, service_key};
pub use server::RedisServerTransport;
pub use settings::{RedisCredentials, RedisMode, RedisSettings, SentinelSettings, TlsSettings};
pub use value::RedisValue;
