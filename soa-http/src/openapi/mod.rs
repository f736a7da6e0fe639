//! The description of a component as a document of OpenAPI 3.1.
//!
//! ```text
//! comment    doc comments as summaries, descriptions and arguments
//! types      types as JSON Schema, named ones as components
//! answers    what an operation may answer
//! operation  routes and calls by name
//! document   the whole, and its cache
//! ```

mod answers;
mod comment;
mod document;
mod operation;
mod types;

pub(crate) use document::{Cache, document};
