//! Expansions: objects that a response names by their identifiers, fetched from other services.

mod any_data;
mod configured;
mod limits;
mod typed;
mod world;
