//! The input of code generation: the expanded fields of a type. Only `validate` makes them.

use proc_macro2::TokenStream;
use syn::{Attribute, Generics, Ident, Type};

/// A type with fields that take objects.
pub(super) struct ExpandedType {
    /// The path under which generated code finds the framework.
    pub(super) crate_path: TokenStream,
    pub(super) name: Ident,
    pub(super) generics: Generics,
    pub(super) fields: Vec<ExpandedField>,
}

/// A field that takes an object, or has fields in it that do.
pub(super) struct ExpandedField {
    pub(super) field: Ident,
    pub(super) ty: Type,
    /// The field's `#[cfg]`s.
    pub(super) conditions: Vec<Attribute>,
    /// The source of its object; `None` if it only has expanded fields in it.
    pub(super) object: Option<ObjectSource>,
}

/// The source of an object: a call of another service.
pub(super) struct ObjectSource {
    /// The field with its identifier.
    pub(super) source: Ident,
    /// The type that has the handle.
    pub(super) client: TokenStream,
    /// The handle.
    pub(super) handle: TokenStream,
    /// The request, in which `ids` is the variable with the identifiers.
    pub(super) request: TokenStream,
    pub(super) ids: Ident,
    /// The field of the response that has the objects.
    pub(super) found: Ident,
    /// The text of the call, by which equal calls are recognized.
    pub(super) text: String,
    pub(super) raises: bool,
    /// True if the object has expanded fields itself.
    pub(super) nested: bool,
}
