//! A decoded value, and how strictly it was read.

/// A decoded value, with a note if serde was more lenient than the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// True if serde's buffers may have accepted something that the wire does not allow.
    ///
    /// Behind `#[serde(flatten)]`, `#[serde(untagged)]` and the like, types read from a buffer, and accept more there than
    /// from the wire: a nil (as `None`), bytes (as text), a list (as a struct), a key that is not text (as the number of a
    /// field). The decoder only sees that one of these was put into a buffer. The flag is also set if a map was passed
    /// over for `()`. A caller that has to refuse such values must look at the message itself. If the flag is false, the
    /// value was read by the strict rules.
    pub is_lenient: bool,
}
