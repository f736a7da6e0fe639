//! Queues in Redis: the transport of the protocol (protocol, sections 5 and 9).
//!
//! ```text
//! client ── outbox ──▶ pysoa:service.<service> ──▶ popper ── server
//!    ▲                                                          │
//!    └─ reader ◀── pysoa:service.<service>.<client>!<suffix> ◀──┴── outbox (one for each list)
//! ```
//!
//! * An *outbox* stands before each list that something is pushed to. It pushes all that is there with one
//!   scripted call, and collects what comes meanwhile for the next: no message waits for others to come.
//! * A client has **one reply list for each service**, and its answers find their calls by their ids. One
//!   *reader* for each master takes from the reply lists of all services there, while there are calls that wait.
//! * A server's *poppers*, one for each master, take requests in tasks of their own, since a pop that is given up loses
//!   a message; together they take what the run loop has room for and no more.
//! * There may be several masters: a *ring* of those in the settings or of those that sentinels know, or the nodes of a
//!   cluster. A *line* leads to one of them wherever it is.
//!
//! Nothing is pushed twice: a push whose outcome is unknown fails its call. All goes on by itself after Redis
//! was restarted or replaced. The client library is known to `backend` alone.

mod backend;
mod backlog;
mod client;
mod condition;
mod connection;
mod directory;
mod groups;
mod line;
mod lists;
mod outbox;
mod pause;
mod reader;
mod ring;
mod script;
mod server;
mod settings;
mod take_back;
mod turns;

pub use client::RedisClientTransport;
pub use connection::RedisConnection;
pub use server::RedisServerTransport;
pub use settings::{RedisMode, RedisSettings, SentinelSettings, TlsSettings};

/// What all keys begin with.
const PREFIX: &str = "pysoa:";

/// The list of a service's requests.
fn request_key(service: &str) -> String {
    format!("{PREFIX}service.{service}")
}
