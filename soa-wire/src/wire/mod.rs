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
mod frame;
mod json;
mod msgpack;
mod pieces;
mod request;
mod response;
mod writer;

use std::fmt::Write;

#[doc(hidden)]
pub use assembly::{Assembled, Assembly};
pub use drop_reason::DropReason;
pub use envelope::Envelope;
pub use frame::{FrameHead, ProtocolVersion, UnknownVersion};
#[doc(hidden)]
pub use pieces::cut;
#[doc(hidden)]
pub use request::now;
pub use request::{Head, Request, Unreadable, read_request, write_request};
#[doc(hidden)]
pub use response::write_response_at;
pub use response::{Response, read_response, write_response};

/// How many bytes of a frame are the envelope: limits do not count the head.
#[doc(hidden)]
pub fn payload_size(frame: &[u8]) -> usize {
    let start = FrameHead::read(frame).map_or(0, |head| head.payload_start());
    frame.len().saturating_sub(start)
}

/// The beginning of a frame for a log line: its head as text, and of the payload only eight bytes in
/// hexadecimal, which say what kind of message it is and nothing about its content.
#[doc(hidden)]
pub fn redacted(frame: &[u8]) -> String {
    let start = FrameHead::read(frame).map_or(0, |head| head.payload_start());
    let (head, payload) = frame.split_at(start.min(frame.len()));
    // A head may have line breaks: none of them is to look like another line of the log.
    let head = String::from_utf8_lossy(head.get(..80).unwrap_or(head));
    let mut text = head.escape_debug().to_string();
    for byte in payload.iter().take(8) {
        // Writing to a string cannot fail.
        let _ = write!(text, " {byte:02x}");
    }
    text
}
