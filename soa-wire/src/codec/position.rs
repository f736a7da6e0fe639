//! The position of a value, which decides about a nil.
//!
//! The rule of the wire is that an absent field is absent: a struct's field that is `None` is not written, and a nil in
//! its place is refused (by handing it to the type within the option, which accepts no nil). An element of a list cannot
//! be absent, so there `None` is a nil; the same holds in a map whose keys are data.
//!
//! A struct that uses `#[serde(flatten)]` asks for a map and not for a struct, but it still reads its keys as
//! identifiers, which a map whose keys are data does not: so its own fields are recognized. Flattened structs
//! are read from a buffer of serde's, where fields cannot be recognized. A nil in there is accepted, and noted, so that the
//! validation of bodies can look at the message itself. The same is done with what else those buffers are lenient about:
//! see [`Decoded::is_lenient`](super::Decoded::is_lenient).

/// The position of the value that is read next.
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

/// True if the key of a pair in a map of unknown length is the name of a field.
///
/// A struct that flattens a map writes one map, with its own fields and with the pairs of the other. A field that is
/// `None` is left out, while a pair is data and is kept. Derived code gives the names of its fields as `str`, and the
/// keys of a map as a sized type.
pub(super) const fn is_field_name<K: ?Sized>() -> bool {
    size_of::<&K>() > size_of::<&()>()
}
