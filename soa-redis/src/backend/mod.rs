//! Connections to Redis: our own, and with TLS those of a client library, which `tls` alone names.
//!
//! A connection begins as a [`dialogue`], on which one command follows the answer to the other: the login, the rare questions
//! to sentinels and cluster nodes, what a sentinel announces. For many commands at a time it becomes a [`wire`].
//!
//! A [`Link`] is one connection to one Redis, which it tries to reach, with growing pauses. Pushes and pops have a link
//! each, since a blocking pop stops everything behind it. A link that hears that its Redis is not the right one, or gets no
//! answer, becomes *suspect*, and whoever uses it opens another, as after the end of a connection.
//!
//! Each file uses only those above it: `slot`, `error`, `failure`, `limit`, `node`, `script`, `words`, `ability`, `login`,
//! `terms`, `tls`, `resp`, `dialogue`, `wire`, `access`, `monitor`, `discovery`, `watched`, `link`, `inspect`, `push`,
//! `transaction`, `command`, `pop`.

mod ability;
mod access;
mod command;
mod dialogue;
mod discovery;
mod error;
mod failure;
mod inspect;
mod limit;
mod link;
mod login;
mod monitor;
mod node;
mod pop;
mod push;
mod resp;
mod script;
mod slot;
mod terms;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod transaction;
mod watched;
mod wire;
mod words;

pub(super) use access::Access;
pub(super) use discovery::{
    Announcements, Move, NoAnnouncements, Pulse, SentinelMaster, masters, pulse, slots,
};
pub(super) use inspect::OutputCuts;
pub(super) use limit::Limit;
pub(super) use link::{Doubts, Link, LinkRef};
pub(super) use monitor::Monitor;
pub(super) use node::Node;
pub(super) use pop::{PopError, Popped};
pub(super) use push::{PushError, Pushed};
pub(super) use script::Script;
pub(super) use slot::key_slot;
pub(super) use transaction::Fence;
