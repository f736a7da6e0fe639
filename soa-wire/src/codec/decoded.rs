//! A decoded value, and how strictly it was read.

/// A decoded value, with a note if serde was more lenient than the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// True if serde accepts something here that the wire may not allow.
    ///
    /// Behind `#[serde(flatten)]`, `#[serde(untagged)]` and the like, types read from a buffer, and accept more there than
    /// from the wire: a nil (as `None`), bytes (as text), a list (as a struct). The decoder only sees that one of these was
    /// put into a buffer. The flag is also set if a NaN was read, which no range refuses as it has no order, and if a map
    /// was passed over for `()`. A caller that has to refuse such values must look at the message itself. If the flag is
    /// false, the value was read by the strict rules.
    pub is_lenient: bool,
}
