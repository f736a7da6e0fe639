//! TLS: connections of the client library, fred, which are the only encrypted ones. Nothing outside this folder names it.
//!
//! Three habits of the library are undone here:
//!
//! * it sends a command again when the outcome is unknown: one attempt only, so nothing is pushed twice;
//! * it keeps commands that come when the connection is lost, and sends them on the next one, when nobody waits for them any
//!   more: its task ends with the connection, and each command with it;
//! * its own script commands hold up all that is sent after them: scripts go through its generic command.
//!
//! Its modes for sentinels and clusters are not used: the first cannot have several masters, and has no time limit; the
//! second does not follow a list that has moved when a command is sent once only.

mod certificates;
mod client;
mod convert;

pub(super) use certificates::Tls;
pub(super) use client::{Client, Lifetime, Listening};
