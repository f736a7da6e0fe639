//! Expansions: identifiers in a response, and the objects that they are of, fetched from other services.
//!
//! A response often names an object of another service by its identifier. The client fetches it and puts it beside the
//! identifier. There are two ways to say which:
//!
//! * by configuration ([`Expansions`]), as the reference has it: objects are known by their `_type`, wherever in a body
//!   they are, and a call asks for expansions by name;
//! * by types ([`Expand`]): the fields of a response say with which action their objects are found.
//!
//! Both work in rounds. In a round all identifiers are gathered, once each; each route is asked once, all routes at the
//! same time; what comes back is put in, and searched in the next round. An identifier that a route was asked for is
//! never asked for again: what was fetched is put in wherever it is needed, also by a later round. An object inside of
//! itself is put in as well, but nothing inside of that.
//!
//! The calls of all rounds belong to the call that they are for: they have its context, and what is left of its time.

mod ask;
mod config;
mod graph;
mod plan;
mod rounds;
mod typed;
mod typed_call;
mod within;

pub use config::{Expansion, ExpansionRoute, Expansions};
pub use typed::{Expand, ExpansionDestination, ExpansionSource, Finder, FoundObjects, Visit};
pub use typed_call::Expanded;

pub(super) use plan::Wanted;
pub(super) use rounds::Expanding;
pub(super) use typed_call::AskerSlot;

/// How many rounds there are at most, and how deep fetched objects may be inside of each other: further in they are left
/// out. A service that answers each identifier with another one would never come to an end.
const MAX_ROUNDS: usize = 64;
