//! Kinds of encoded values.

/// The kind of an encoded value, which its first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nil,
    Bool,
    Integer,
    Float,
    Text,
    Bytes,
    List,
    Map,
    /// An ext type. Its code is not part of the kind.
    Ext,
}

impl Kind {
    /// The name of the kind in a message to a person.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Map => "map",
            Self::Ext => "ext type",
        }
    }
}
