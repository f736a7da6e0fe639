//! The bytes between client and server: frames, envelopes, and how to find what is in them.
//!
//! ```text
//! frame      pysoa-redis/3//content-type:application/msgpack;<envelope>     version 3
//!            content-type:application/msgpack;<envelope>                    version 2
//!            <envelope>                                                     version 1
//! envelope   {"request_id": …, "meta": {…}, "body": <job request or response>}
//! ```
//!
//! Reading is done by a cursor that goes over the bytes once, without recursion and without building a
//! tree: it finds the spans of the request id, the meta entries and each action's body, and reads the few
//! scalars that it needs. Bodies become slices of the frame. Nothing that a peer sends can make it panic,
//! recurse, or allocate more than a small multiple of the message's own size.
//!
//! A job that is malformed inside a readable envelope is read a second time, slowly, to tell every error at
//! once with the texts of the reference ([`read_request`] gives them as data).

mod assembly;
mod cursor;
mod diagnose;
mod drop_reason;
mod envelope;
mod expiry;
mod frame;
mod head;
mod json;
mod msgpack;
mod pieces;
mod request;
mod response;
mod writer;

pub(crate) use assembly::{Assembled, Assembly};
pub use drop_reason::DropReason;
pub use envelope::Envelope;
pub(crate) use expiry::now;
pub use frame::{FrameHead, ProtocolVersion, UnknownVersion};
pub(crate) use frame::{payload_size, redacted};
pub use head::Head;
pub(crate) use pieces::cut;
pub use request::{Request, Unreadable, read_request, write_request};
pub(crate) use response::write_response_at;
pub use response::{Response, read_response, write_response};
