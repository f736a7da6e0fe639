//! Where a value stands, and what a nil means there.
//!
//! The rule of the wire is that an absent field is absent: a struct's field that is `None` is not written, and a nil in
//! its place is refused (by handing it to the type within the option, which knows no nil). In a list there is no such
//! thing as absent, so there `None` is a nil; and in a map whose keys are data, likewise.
//!
//! `#[serde(flatten)]` blurs this: a struct that uses it asks for a map, and reads its own fields through a buffer of
//! serde's. A nil for an option in such a place is let through, and noted, so that whoever cares (the validation of
//! bodies) can look at the message itself. See [`Decoded::unchecked_nil`](super::Decoded::unchecked_nil).

/// Where the value that is about to be read stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// A whole body, where `()` is an empty map.
    Body,
    /// A whole value, an element of a list, the content of an enum's variant, or a key.
    Element,
    /// A value of a map: of a map whose keys are data, or of a struct that flattens another.
    MapValue,
    /// A field of a struct.
    Field,
}

/// What an option does with a nil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NilForOption {
    /// It is the type within that gets the nil, and that refuses it unless it is nullable.
    Pass,
    /// It is `None`.
    Accept,
    /// It is `None`, and that has to be noted.
    AcceptUnchecked,
}

impl Position {
    #[inline]
    pub(crate) fn nil_for_option(self) -> NilForOption {
        match self {
            Self::Field => NilForOption::Pass,
            Self::Body | Self::Element => NilForOption::Accept,
            Self::MapValue => NilForOption::AcceptUnchecked,
        }
    }
}
