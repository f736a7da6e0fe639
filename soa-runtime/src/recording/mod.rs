//! Recordings: requests with their answers in a file, and their replay against a service.
//!
//! ```text
//! Record (middleware) ──▶ Entry ──▶ a line of JSON ──▶ Entry ──▶ Replay ──▶ service
//!                                                        │                     │
//!                                          recorded ─────┴──▶ differences ◀── now
//! ```
//!
//! * [`Entry`] is one action: its request, the part of its context that a service can act on, and its outcome.
//! * A recorded value ([`Recorded`]) is JSON in the text form of the wire, beside it the types that JSON lacks. What is
//!   read is the value that was written, without asking any schema, as the service may have changed meanwhile.
//! * [`Replay`] sends entries again, and [`Report`] groups the differences by field.
//!
//! The middleware [`Record`](crate::middleware::Record) writes entries, into a file or into a [`RecordSink`]. Nothing here
//! opens a file or a connection.

mod difference;
mod entry;
mod exact;
mod path;
mod replay;
mod report;
mod sink;

pub use entry::{Entry, Outcome, UnreadableEntry};
pub use exact::Recorded;
pub use path::{FieldPath, PathError};
pub use replay::Replay;
pub use report::{Change, ChangedField, Report, Unanswered};
pub use sink::RecordSink;
