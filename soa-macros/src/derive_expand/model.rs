//! What the generator works from: the expanded fields of a type. Only `validate` makes them.

use proc_macro2::TokenStream;
use syn::{Attribute, Generics, Ident, Type};

/// A type with fields for objects.
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
    /// How its object is found; `None` where it only has expanded fields in it.
    pub(super) object: Option<ObjectSource>,
}

/// How an object is found.
pub(super) struct ObjectSource {
    /// The field with its identifier.
    pub(super) source: Ident,
    /// The type that has the handle.
    pub(super) client: TokenStream,
    /// The handle.
    pub(super) handle: TokenStream,
    /// The request, in which `ids` stands for the identifiers.
    pub(super) request: TokenStream,
    pub(super) ids: Ident,
    /// The field of the response that has the objects.
    pub(super) found: Ident,
    /// What was written, to know finders that are the same.
    pub(super) text: String,
    pub(super) raises: bool,
    /// Whether there are expanded fields in it.
    pub(super) nested: bool,
}
