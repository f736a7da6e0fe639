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
//! restarted or replaced. The client library, which encrypts, is known to `backend/tls` alone.
//!
//! Each file uses only those above it: `naming`, `pause`, `value`, `meter`, `message`, `turns`, `standing`, `pop_size`,
//! `slots`, `settings`, `clock`, `condition`, `backlog`, `backend`, `scripts`, `directory`, `watch`, `master`, `outbox`,
//! `reply_list`, `groups`, `reader`, `patrol`, `ring`, `reply_lists`, `connection`, `keys`, `masters`, `record`, `take_back`,
//! `age`, `aloud`, `hold_keys`, `hold_base`, `outcome`, `hold`, `lease`, `reclaim`, `lease_thread`, `taking`, `dead`, `replies`,
//! `client`, `requests`, `popper`, `server`. One pair knows each other, as what is held is part of what is pushed: `message` and
//! `hold`.

mod age;
mod aloud;
mod backend;
mod backlog;
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
mod replies;
mod reply_list;
mod reply_lists;
mod requests;
mod ring;
mod scripts;
mod server;
mod settings;
mod slots;
mod standing;
mod take_back;
mod taking;
mod turns;
mod value;
mod watch;

pub use client::RedisClientTransport;
pub use connection::RedisConnection;
pub use dead::{DeadFilter, RedisDeadLetters};
pub use hold::HOLDER_VARIABLE;
pub use keys::{RedisKeys, RedisScript, component_key, service_key};
pub use lease_thread::give_up_holders;
pub use masters::{RedisMaster, RedisMonitor, RedisSentinel};
pub use server::RedisServerTransport;
pub use settings::{RedisCredentials, RedisMode, RedisSettings, SentinelSettings, TlsSettings};
#[cfg(test)]
pub(crate) use slots::{SLOT_SIZE, Slots};
pub use value::RedisValue;
