//! A call as transports and middleware see it, on the client and in between.
//!
//! * [`ClientRequest`]: a job for one service, the timeout of its caller, and the mark that it was sent;
//! * [`Sent`]: set by the transport when the request is on its way, for callers that send now and collect later;
//! * the stages of middleware around it: [`ClientStage`] on the client, [`JobStage`] on the server.
//!
//! Nothing in here sends or runs anything.

mod outcome;
mod request;
mod sent;
mod stage;

pub(crate) use outcome::{has_failed, is_past};
pub use request::ClientRequest;
pub use sent::Sent;
pub use stage::{ClientStage, JobStage};
