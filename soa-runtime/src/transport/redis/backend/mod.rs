//! The client library, and all that is known about its ways. Nothing outside this module names it.
//!
//! A [`Link`] is one connection to one Redis that reconnects by itself, with growing pauses. Pushes and pops have a link
//! each, since a blocking pop stops everything behind it. Three habits of the library are undone here:
//!
//! * it sends a command again when the outcome is unknown: one attempt only, so nothing is pushed twice;
//! * a command that waits for its answer while the connection is lost ends only after the next connect: every command has a
//!   time limit of its own;
//! * its own script commands hold up all that is sent after them: scripts go through its generic command.
//!
//! Its modes for sentinels and clusters are not used: the first cannot have several masters, and has no time limit; the
//! second does not follow a list that has moved when a command is sent once only. A link that hears that its Redis is not
//! the right one, or gets no answer, becomes *suspect*, and whoever uses it opens another.
//!
//! Each file uses only those above it: `failure`, `limit`, `node`, `script`, `ability`, `login`, `tls`, `access`,
//! `discovery`, `link`, `inspect`, `command`, `pop`.

mod ability;
mod access;
mod command;
mod discovery;
mod failure;
mod inspect;
mod limit;
mod link;
mod login;
mod node;
mod pop;
mod script;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

pub(super) use access::Access;
pub(super) use discovery::{SentinelMaster, masters, slots};
pub(super) use limit::Limit;
pub(super) use link::{Link, LinkRef, PushError};
pub(super) use node::Node;
pub(super) use pop::{PopError, Popped};
pub(super) use script::Script;

/// The slot of a cluster that a key is in.
pub(super) fn key_slot(key: &[u8]) -> u16 {
    fred::util::redis_keyslot(key)
}
