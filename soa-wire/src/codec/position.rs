//! Where a value stands, and what a nil means there.
//!
//! The rule of the wire is that an absent field is absent: a struct's field that is `None` is not written, and a nil in
//! its place is refused (by handing it to the type within the option, which knows no nil). In a list there is no such
//! thing as absent, so there `None` is a nil; and in a map whose keys are data, likewise.
//!
//! A struct that uses `#[serde(flatten)]` asks for a map and not for a struct, but it still reads its keys as
//! identifiers, which a map whose keys are data does not: that tells its own fields. What it flattens goes through a
//! buffer of serde's, where nothing tells any more. A nil in there is let through, and noted, so that whoever cares (the
//! validation of bodies) can look at the message itself; and so are the other things that those buffers are lenient
//! about. See
//! [`Decoded::is_lenient`](super::Decoded::is_lenient).

/// Where the value that is about to be read stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// A whole body, where `()` is an empty map.
    Body,
    /// Anything that cannot be absent: a whole value, an element of a list, a key or a value of a map, the content of an
    /// enum's variant. A nil for an option is `None`.
    Element,
    /// A field of a struct. A nil for an option goes to the type within.
    Field,
}
