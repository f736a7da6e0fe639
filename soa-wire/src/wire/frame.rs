//! The head of a frame: protocol version and headers.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;

use crate::codec::Encoding;

/// The versions of the protocol. A server answers in the version in which it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// A bare envelope in the serializer that both sides agreed on.
    V1,
    /// With a content type.
    V2,
    /// With a version marker and headers; the default.
    V3,
}

/// The head of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHead {
    version: ProtocolVersion,
    content_type: Option<Cow<'static, str>>,
    chunk_count: Option<u64>,
    chunk_id: Option<u64>,
    payload_start: usize,
}

/// The error for a frame whose marker names an unknown version.
#[derive(Clone, PartialEq, Eq)]
pub struct UnknownVersion(String);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protocol version {} is unknown", self.0)
    }
}

impl std::error::Error for UnknownVersion {}

crate::debug_as_text!(UnknownVersion);

const MARKER: &[u8] = b"pysoa-redis/";
/// The head of most frames.
const USUAL: &[u8] = b"pysoa-redis/3//content-type:application/msgpack;";
const HEADERS: [&[u8]; 3] = [b"content-type", b"chunk-count", b"chunk-id"];

impl FrameHead {
    /// Reads the head of a frame. Bytes that are no head are the payload.
    ///
    /// White space is allowed around the name and the value of a header; after the last `;` the payload
    /// begins at once (protocol, section 5).
    ///
    /// # Errors
    /// A version marker with another version than 1, 2 or 3.
    pub fn read(frame: &[u8]) -> Result<Self, UnknownVersion> {
        let mut head = Self {
            version: ProtocolVersion::V1,
            content_type: None,
            chunk_count: None,
            chunk_id: None,
            payload_start: 0,
        };
        let first = frame
            .strip_prefix(USUAL)
            .and_then(|payload| payload.first());
        if first.is_some_and(|byte| !byte.is_ascii()) {
            // What follows is no further header.
            head.version = ProtocolVersion::V3;
            head.content_type = Some(Cow::Borrowed(Encoding::MessagePack.content_type()));
            head.payload_start = USUAL.len();
            return Ok(head);
        }
        if let Some((version, end)) = marker(frame) {
            head.version = version?;
            head.payload_start = end;
        } else if frame.starts_with(b"content-type") {
            head.version = ProtocolVersion::V2;
        }
        while let Some((name, value, end)) = header(frame, head.payload_start) {
            let value = frame.get(value).unwrap_or_default();
            let number = || {
                let digits = std::str::from_utf8(value).ok();
                digits
                    .and_then(|digits| digits.parse().ok())
                    .unwrap_or(u64::MAX)
            };
            match name {
                0 => head.content_type = Some(content_type(value)),
                1 => head.chunk_count = Some(number()),
                _ => head.chunk_id = Some(number()),
            }
            head.payload_start = end;
        }
        Ok(head)
    }

    /// The version that the frame is in.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The content type, if the head has one.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// True if the frame is a piece of a larger message.
    pub fn is_chunk(&self) -> bool {
        self.chunk_count.is_some()
    }

    /// The number of pieces of the message.
    pub fn chunk_count(&self) -> Option<u64> {
        self.chunk_count
    }

    /// The number of this piece, from 1.
    pub fn chunk_id(&self) -> Option<u64> {
        self.chunk_id
    }

    /// The offset of the envelope in the frame.
    pub fn payload_start(&self) -> usize {
        self.payload_start
    }

    /// Writes the head of a frame that is not a chunk.
    pub fn write(version: ProtocolVersion, content_type: &str, out: &mut Vec<u8>) {
        if version == ProtocolVersion::V3 {
            out.extend_from_slice(b"pysoa-redis/3//");
        }
        if version >= ProtocolVersion::V2 {
            out.extend_from_slice(b"content-type:");
            out.extend_from_slice(content_type.as_bytes());
            out.push(b';');
        }
    }
}

/// The version marker at the start of a frame and the offset of its end; `None` if there is no marker.
fn marker(frame: &[u8]) -> Option<(Result<ProtocolVersion, UnknownVersion>, usize)> {
    let rest = frame.strip_prefix(MARKER)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    if number.is_empty() || !rest.starts_with(b"//") {
        return None;
    }
    let significant = number.iter().position(|digit| *digit != b'0');
    let version = match significant.and_then(|start| number.get(start..)) {
        Some(b"1") => Ok(ProtocolVersion::V1),
        Some(b"2") => Ok(ProtocolVersion::V2),
        Some(b"3") => Ok(ProtocolVersion::V3),
        _ => {
            // A peer may send megabytes of digits; the log needs the first few.
            let shown = number.get(..20).unwrap_or(number);
            Err(UnknownVersion(String::from_utf8_lossy(shown).into_owned()))
        }
    };
    Some((version, MARKER.len() + digits + 2))
}

/// A content type, without a copy of the usual one.
fn content_type(value: &[u8]) -> Cow<'static, str> {
    let usual = Encoding::MessagePack.content_type();
    if value == usual.as_bytes() {
        Cow::Borrowed(usual)
    } else {
        Cow::Owned(String::from_utf8_lossy(value).into_owned())
    }
}

/// The header at this offset: its index, the span of its value, and the offset of its end.
fn header(frame: &[u8], start: usize) -> Option<(usize, Range<usize>, usize)> {
    let at = skip_space(frame, start);
    let (index, name) = HEADERS
        .iter()
        .enumerate()
        .find(|(_, name)| frame.get(at..).is_some_and(|rest| rest.starts_with(name)))?;
    let at = skip_space(frame, at + name.len());
    if frame.get(at) != Some(&b':') {
        return None;
    }
    let value_start = skip_space(frame, at + 1);
    let is_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"_/.-".contains(byte);
    let length = frame
        .get(value_start..)?
        .iter()
        .take_while(|byte| is_value(byte))
        .count();
    let value = value_start..value_start + length;
    let end = skip_space(frame, value.end);
    (length > 0 && frame.get(end) == Some(&b';')).then_some((index, value, end + 1))
}

fn skip_space(frame: &[u8], start: usize) -> usize {
    let rest = frame.get(start..).unwrap_or_default();
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    start + rest.iter().take_while(is_space).count()
}

/// The number of bytes of the envelope in a frame. Limits do not count the head.
#[doc(hidden)]
pub fn payload_size(frame: &[u8]) -> usize {
    let start = FrameHead::read(frame).map_or(0, |head| head.payload_start());
    frame.len().saturating_sub(start)
}

/// The beginning of a frame for a log line: its head as text, and of the payload only eight bytes in
/// hexadecimal, which show the kind of the message and no content.
#[doc(hidden)]
pub fn redacted(frame: &[u8]) -> String {
    let start = FrameHead::read(frame).map_or(0, |head| head.payload_start());
    let (head, payload) = frame.split_at(start.min(frame.len()));
    // A head may have line breaks, which must not look like another line of the log.
    let head = String::from_utf8_lossy(head.get(..80).unwrap_or(head));
    let mut text = head.escape_debug().to_string();
    for byte in payload.iter().take(8) {
        // Writing to a string cannot fail.
        let _ = write!(text, " {byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frame: &[u8]) -> (ProtocolVersion, Option<String>, &[u8]) {
        let head = FrameHead::read(frame).unwrap();
        let payload = &frame[head.payload_start()..];
        (
            head.version(),
            head.content_type().map(str::to_owned),
            payload,
        )
    }

    #[test]
    fn each_version_is_told_by_its_head() {
        let msgpack = || Some("application/msgpack".to_owned());
        let v3 = b"pysoa-redis/3//content-type:application/msgpack;\x80";
        assert_eq!(read(v3), (ProtocolVersion::V3, msgpack(), &b"\x80"[..]));
        let v2 = b"content-type:application/msgpack;\x80";
        assert_eq!(read(v2), (ProtocolVersion::V2, msgpack(), &b"\x80"[..]));
        assert_eq!(read(b"\x80"), (ProtocolVersion::V1, None, &b"\x80"[..]));
        assert_eq!(
            read(b"pysoa-redis/1//\x80"),
            (ProtocolVersion::V1, None, &b"\x80"[..])
        );
        assert_eq!(read(b""), (ProtocolVersion::V1, None, &b""[..]));
    }

    #[test]
    fn white_space_is_stripped_inside_headers_and_never_after_the_last() {
        let frame = b"pysoa-redis/3//  content-type \t:\n application/json ; {}";
        assert_eq!(
            read(frame),
            (
                ProtocolVersion::V3,
                Some("application/json".to_owned()),
                &b" {}"[..]
            )
        );
    }

    #[test]
    fn a_version_that_nobody_knows_is_an_error() {
        for marker in [
            "pysoa-redis/4//",
            "pysoa-redis/0//",
            "pysoa-redis/99999999999999999999999//",
        ] {
            assert!(FrameHead::read(marker.as_bytes()).is_err(), "{marker}");
        }
        // Not a marker at all: the payload of a version 1 frame.
        assert_eq!(read(b"pysoa-redis/3/").0, ProtocolVersion::V1);
    }

    #[test]
    fn half_a_header_is_payload() {
        for frame in [
            &b"content-type"[..],
            b"content-type:",
            b"content-type:x",
            b"content-type: ;",
        ] {
            assert_eq!(read(frame), (ProtocolVersion::V2, None, frame));
        }
    }

    #[test]
    fn chunk_headers_are_read_with_odd_numbers() {
        let head = FrameHead::read(b"pysoa-redis/3//chunk-count:x;chunk-id:1;").unwrap();
        assert!(head.is_chunk());
    }
}
