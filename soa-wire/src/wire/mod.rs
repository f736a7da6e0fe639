//! The bytes between client and server: frames and envelopes, read and written.
//!
//! ```text
//! frame      pysoa-redis/3//content-type:application/msgpack;<envelope>     version 3
//!            content-type:application/msgpack;<envelope>                    version 2
//!            <envelope>                                                     version 1
//! envelope   {"request_id": …, "meta": {…}, "body": <job request or response>}
//! ```
//!
//! A cursor scans the bytes once, without recursion and without building a tree: it finds the spans of the
//! request id, the meta entries and each action's body, and reads the few scalars that the protocol needs.
//! Bodies become slices of the frame. The cursor uses the same readers of MessagePack and JSON as the codec.
//! Nothing that a peer sends can make it panic, recurse, or allocate more than a small multiple of the
//! message's own size.
//!
//! A job that is malformed inside a readable envelope is read a second time, slowly, to find all its errors
//! with the texts of the reference ([`read_request`] gives them as data).
//!
//! Each module uses only those before it: `cursor`, `msgpack`, `json`, `frame`, `drop_reason`, `expiry`,
//! `head`, `envelope`, `diagnose`, `writer`, `request`, `response`, `assembly`, `pieces`.

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

#[doc(hidden)]
pub use assembly::{Assembled, Assembly};
pub use drop_reason::DropReason;
pub use envelope::Envelope;
#[doc(hidden)]
pub use expiry::now;
pub use frame::{FrameHead, ProtocolVersion, UnknownVersion};
#[doc(hidden)]
pub use frame::{payload_size, redacted};
pub use head::Head;
#[doc(hidden)]
pub use pieces::cut;
#[doc(hidden)]
pub use request::read_late_request;
pub use request::{Request, Unreadable, read_request, write_request};
#[doc(hidden)]
pub use response::write_response_at;
pub use response::{Response, read_response, write_response};

#[cfg(test)]
mod tests;
