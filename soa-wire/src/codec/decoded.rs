//! A decoded value, and how strictly it was read.

/// A value that was decoded, and whether serde was more lenient on the way than the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// Whether something was read into one of serde's buffers that types take out of there more leniently than from the
    /// wire: a nil (as `None`), bytes (as text), a list (as a struct), a key that is no text (as the number of a field);
    /// or whether a map was passed over for `()`.
    ///
    /// Behind `#[serde(flatten)]`, `#[serde(untagged)]` and the like, what became of it cannot be told. Whoever has to
    /// refuse it looks at the message itself. Where this is false, nothing of the kind was let through.
    pub is_lenient: bool,
}
