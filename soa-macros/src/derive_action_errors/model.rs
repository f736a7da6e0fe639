//! The input of code generation: an enum of errors, with all defaults resolved. Only `validate` makes it.

use proc_macro2::TokenStream;
use syn::{Generics, Ident, LitInt, LitStr, Type};

/// The enum.
pub(super) struct Enumeration {
    /// Its name.
    pub(super) name: Ident,
    /// Its parameters. A valid enum has none.
    pub(super) generics: Generics,
    /// The path of the framework in generated code.
    pub(super) crate_path: TokenStream,
    /// The errors that it knows, in the order of the source.
    pub(super) errors: Vec<KnownError>,
    /// The variant for all other errors.
    pub(super) other: Option<UnknownError>,
}

/// A variant with a code.
pub(super) struct KnownError {
    /// Its name.
    pub(super) variant: Ident,
    /// Its code on the wire.
    pub(super) code: String,
    /// Its message.
    pub(super) message: Text,
    /// The field of the request that is at fault.
    pub(super) field: Option<Text>,
    /// True if the service is at fault, and not the caller.
    pub(super) is_server_fault: bool,
    /// The status over HTTP.
    pub(super) status: Option<LitInt>,
    /// The headers over HTTP.
    pub(super) headers: Vec<(LitStr, LitStr)>,
    /// Its fields.
    pub(super) variables: Vec<Variable>,
}

/// A field of a variant.
pub(super) struct Variable {
    /// Its name.
    pub(super) field: Ident,
    /// Its name on the wire.
    pub(super) name: String,
    /// The constant that converts it; its name is unique in the enum.
    pub(super) handle: Ident,
    /// Its type.
    pub(super) ty: Type,
}

/// A text, which may have names of the variant's fields in braces.
pub(super) enum Text {
    /// A text without braces.
    Fixed(String),
    /// A text with names in braces, as it is written.
    Format(LitStr),
}

/// The variant for errors that the enum does not know.
pub(super) struct UnknownError {
    /// Its name.
    pub(super) variant: Ident,
    /// The type of its content.
    pub(super) content: Type,
}
