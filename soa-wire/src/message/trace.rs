//! The trace that a job belongs to, in the form of W3C's `traceparent`.
//!
//! It is in the context of a job under the keys `traceparent` and `tracestate`, so a service without tracing passes it on
//! with the rest of the context. A malformed one is ignored, and the next service with tracing begins a new trace.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The greatest length of a `tracestate` that is passed on, in bytes. W3C requires at least this.
const MAX_STATE_LENGTH: usize = 512;

/// A span in a trace: that of a received job, or of a sent call.
///
/// As text it is W3C's `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
///
/// ```
/// # use soa_wire as soa;
/// use soa::message::TraceParent;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent = TraceParent::parse(text).ok_or("not a traceparent")?;
/// assert!(parent.is_sampled());
/// assert_eq!(parent.to_string(), text);
/// assert_eq!(TraceParent::parse("00-0-0-01"), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

impl TraceParent {
    /// Creates a span of a trace. Returns `None` if an id consists of zeros, which W3C does not allow.
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], is_sampled: bool) -> Option<Self> {
        let is_known = trace_id != [0; 16] && span_id != [0; 8];
        is_known.then_some(Self {
            trace_id,
            span_id,
            flags: u8::from(is_sampled),
        })
    }

    /// Parses a `traceparent`. Returns `None` if it is malformed. Of later versions, the part that is known is read, as W3C
    /// requires.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (known, more) = bytes.split_at_checked(55)?;
        let (version, rest) = known.split_first_chunk::<2>()?;
        let (trace_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<32>()?;
        let (span_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
        let flags: &[u8; 2] = rest.strip_prefix(b"-")?.try_into().ok()?;
        let [version] = digits(version)?;
        let is_whole = match version {
            0 => more.is_empty(),
            0xff => false,
            _ => more.is_empty() || more.starts_with(b"-"),
        };
        let [flags] = digits(flags)?;
        let parent = Self::new(digits(trace_id)?, digits(span_id)?, flags & 1 == 1)?;
        is_whole.then_some(parent)
    }

    /// Returns the id of the trace.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// Returns the id of the span.
    pub fn span_id(&self) -> [u8; 8] {
        self.span_id
    }

    /// Returns true if the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Creates the first span of a new trace, which is not recorded.
    #[doc(hidden)]
    pub fn root() -> Self {
        // Six bits of the UUID are constant. None of them is in the last seven bytes, which decide whether a trace is
        // recorded.
        let trace_id = Uuid::new_v4();
        let (high, low) = trace_id.as_u64_pair();
        Self {
            trace_id: trace_id.into_bytes(),
            // Unique within its trace, which has no other span yet, and not zero.
            span_id: ((high ^ low.rotate_left(32)) | 1).to_be_bytes(),
            flags: 0,
        }
    }

    /// Creates another span of the same trace.
    #[doc(hidden)]
    pub fn child(self) -> Self {
        Self {
            span_id: fresh_span_id(),
            ..self
        }
    }

    /// Returns the same span, recorded or not.
    #[doc(hidden)]
    pub fn sampled(mut self, is_sampled: bool) -> Self {
        self.flags = u8::from(is_sampled);
        self
    }

    /// Returns a random number below 2⁵⁶ that all spans of a trace share.
    #[doc(hidden)]
    pub fn lot(self) -> u64 {
        let [.., a, b, c, d, e, f, g] = self.trace_id;
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    }

    /// Writes the text without an allocation.
    pub(crate) fn write(self, text: &mut [u8; 55]) -> &str {
        *text = *b"00-tttttttttttttttttttttttttttttttt-ssssssssssssssss-ff";
        // The text has 3 + 32 + 1 + 16 + 1 + 2 bytes.
        let (trace_id, rest) = text[3..].split_at_mut(32);
        let (span_id, flags) = rest[1..].split_at_mut(16);
        hex(&self.trace_id, trace_id);
        hex(&self.span_id, span_id);
        hex(&[self.flags], &mut flags[1..]);
        // The bytes are digits and hyphens.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// Writes bytes as hex digits.
fn hex(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (pairs, _) = text.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        // Both numbers are below 16.
        *pair = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
    }
}

/// Creates a random id, from a version 4 UUID without the bytes 6 to 8, which have constant bits.
fn fresh_span_id() -> [u8; 8] {
    let [a, b, c, d, e, f, _, _, _, g, h, ..] = Uuid::new_v4().into_bytes();
    [a, b, c, d, e, f, g, h]
}

/// The value of each byte as a lowercase hex digit; 255 for other bytes.
const HEX_VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};

/// Decodes lowercase hex digits. Every request of a traced caller has them, hence the table, and one check at the end.
fn digits<const N: usize, const M: usize>(text: &[u8; M]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut all = 0;
    let (pairs, _) = text.as_chunks::<2>();
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        // The table has a value for every byte.
        let [high, low] = pair.map(|digit| HEX_VALUES[usize::from(digit)]);
        all |= high | low;
        *byte = high << 4 | low & 15;
    }
    (all < 16).then_some(bytes)
}

/// Returns a `tracestate` if it may be passed on: printable ASCII of a bounded length.
pub(crate) fn usable_state(text: &str) -> Option<Arc<str>> {
    let is_printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    (is_printable && !text.is_empty() && text.len() <= MAX_STATE_LENGTH).then(|| text.into())
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write(&mut [0; 55]))
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(TraceParent::parse(TEXT).unwrap().to_string(), TEXT);
        for parent in (0..1_000).map(|_| TraceParent::root()) {
            assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
        }
    }

    #[test]
    fn a_child_is_another_place_of_the_same_trace() {
        let parent = TraceParent::parse(TEXT).unwrap();
        let child = parent.child();
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.span_id(), parent.span_id());
        assert!(child.is_sampled());
    }

    #[test]
    fn what_is_malformed_is_none() {
        let short = &TEXT[..54];
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let nowhere = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let upper = TEXT.to_uppercase();
        let forbidden = TEXT.replacen("00", "ff", 1);
        let long = format!("{TEXT}-more");
        let spaced = format!(" {TEXT}");
        let euro = TEXT.replacen("4b", "\u{20ac}", 1);
        for text in [
            "", "0", short, zeros, nowhere, &upper, &forbidden, &long, &spaced, &euro,
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("{}-more", TEXT.replacen("00", "01", 1));
        assert_eq!(TraceParent::parse(&later).unwrap().to_string(), TEXT);
        assert_eq!(
            TraceParent::parse(&TEXT.replacen("00", "01", 1))
                .unwrap()
                .to_string(),
            TEXT
        );
        assert_eq!(TraceParent::parse(&later.replace("-more", "more")), None);
    }

    #[test]
    fn a_state_that_is_too_long_or_no_ascii_is_not_passed_on() {
        assert_eq!(usable_state("a=b,c=d").as_deref(), Some("a=b,c=d"));
        for text in ["", "a=\u{e9}", "a=b\n", &"a".repeat(513)] {
            assert_eq!(usable_state(text), None);
        }
    }
}
