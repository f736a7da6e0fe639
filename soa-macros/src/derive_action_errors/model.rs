//! An enum of errors with every default resolved.

use proc_macro2::TokenStream;
use syn::{Generics, Ident, LitStr, Type};

/// The enum.
pub(super) struct Enumeration {
    /// Its name.
    pub(super) name: Ident,
    /// Its parameters, of which there are none in what is sound.
    pub(super) generics: Generics,
    /// Where the framework is.
    pub(super) crate_path: TokenStream,
    /// The errors that it knows, in the order in which they are written.
    pub(super) errors: Vec<KnownError>,
    /// What stands for all others.
    pub(super) other: Option<UnknownError>,
}

/// A variant with a code.
pub(super) struct KnownError {
    /// Its name.
    pub(super) variant: Ident,
    /// Its code on the wire.
    pub(super) code: String,
    /// For people.
    pub(super) message: Text,
    /// The field of the request that is at fault.
    pub(super) field: Option<Text>,
    /// Whether the service is at fault, and not the caller.
    pub(super) is_server_fault: bool,
    /// Its fields.
    pub(super) variables: Vec<Variable>,
}

/// A field of a variant.
pub(super) struct Variable {
    /// Its name.
    pub(super) field: Ident,
    /// What it is called on the wire.
    pub(super) name: String,
    /// The constant that says how it travels: unique in the enum.
    pub(super) handle: Ident,
    /// Its type.
    pub(super) ty: Type,
}

/// A text, fixed or with names of the variant's fields in braces.
pub(super) enum Text {
    Fixed(String),
    /// As it was written, for its names to be found in the user's code.
    Format(LitStr),
}

/// The variant for errors that the enum does not know.
pub(super) struct UnknownError {
    /// Its name.
    pub(super) variant: Ident,
    /// What it holds.
    pub(super) content: Type,
}
