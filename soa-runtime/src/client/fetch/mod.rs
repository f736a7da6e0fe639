//! Expansions: identifiers in a response, and the objects that they identify, fetched from other services.
//!
//! A response often names an object of another service by its identifier. The client fetches it and puts it beside the
//! identifier. There are two ways to say which objects are wanted:
//!
//! * by configuration ([`Expansions`](super::Expansions)), as in the reference: objects are recognized by their
//!   `_type`, anywhere in a body, and a call asks for expansions by name;
//! * by types ([`Expand`]): the fields of a response declare the action that finds their objects.
//!
//! Both work in rounds. A round gathers all identifiers, once each; asks each route once, all routes at the same time;
//! puts in the objects that were found, and searches them in the next round. No route is asked for an identifier
//! twice: a fetched object is put in wherever it is needed, also by a later round. An object inside of itself is put
//! in as well, but nothing inside of that.
//!
//! The calls of all rounds belong to the call that they are for: they inherit its context, and have the time that is
//! left to it.

mod container;
mod graph;
mod limit;
mod request;
mod rounds;
mod typed;

pub(super) use rounds::Expander;
pub(super) use typed::expand;
pub use typed::{Expand, ExpansionDestination, ExpansionSource, Finder, FoundObjects, Visit};
