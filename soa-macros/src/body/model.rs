//! The input of code generation: a body with all names resolved. Only `validate` makes it.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Ident, LitStr};

/// A type that `#[soa::body]` is on.
pub(super) struct BodyModel {
    /// The path of the framework in generated code.
    pub(super) crate_path: TokenStream,
    /// The traits to derive, besides garde's.
    pub(super) derived: Vec<DerivedTrait>,
    /// True if serde and schemars have to be told where they are.
    pub(super) serde_crate: bool,
    pub(super) schemars_crate: bool,
    /// True if the schema is derived, and takes attributes.
    pub(super) has_schema: bool,
    /// The package in protobuf, for the schema.
    pub(super) package: Option<LitStr>,
    /// True if `deny_unknown_fields` is to be added.
    pub(super) closed: bool,
    pub(super) rules: OwnRules,
    pub(super) shape: Shape,
    /// True if the body is a struct whose fields have the names that are known here.
    pub(super) tells_names: bool,
    /// True if the item cannot be a body, and nothing is generated besides it.
    pub(super) is_broken: bool,
}

/// A trait that is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DerivedTrait {
    Debug,
    Clone,
    Serialize,
    Deserialize,
    JsonSchema,
}

/// The rules that the user wrote for garde.
pub(super) enum OwnRules {
    /// None: garde's trait is implemented here.
    None,
    /// Some, and the user derives garde's trait or implements it.
    Validated,
    /// Some, for which garde's trait is to be derived; the place of the first one.
    ToDerive(Span),
}

/// The variants of an enum; a struct is one variant without a name.
pub(super) struct Shape {
    pub(super) variants: Vec<VariantModel>,
    /// True if garde has to be told that fields without rules are meant to have none.
    pub(super) allow_unvalidated: bool,
}

pub(super) struct VariantModel {
    /// The name in the source; `None` for a struct.
    pub(super) name: Option<Ident>,
    pub(super) conditions: Vec<Attribute>,
    /// Further names of the variant in messages.
    pub(super) aliases: Vec<String>,
    /// True if the variant stands for all names that no other has.
    pub(super) is_other: bool,
    pub(super) fields: Vec<FieldModel>,
}

pub(super) struct FieldModel {
    /// The name in the source; `None` for a field that has a place instead.
    pub(super) name: Option<Ident>,
    pub(super) conditions: Vec<Attribute>,
    /// The steps to the field in messages.
    pub(super) steps: Vec<WireName>,
    /// True if the field has rules for garde.
    pub(super) has_rules: bool,
    /// True if the field is neither read nor written.
    pub(super) is_skipped: bool,
    /// True if its type may be a body, or contain some.
    pub(super) may_have_bodies: bool,
    /// Facts for the schema.
    pub(super) told: Option<Told>,
    /// True if schemars has to be told that the schema is that of the field's type.
    pub(super) needs_schema: bool,
    pub(super) span: Span,
}

/// The name of a field in messages.
#[derive(Clone)]
pub(super) struct WireName {
    pub(super) read: String,
    pub(super) written: String,
}

/// Facts about a field that only serde knows, for its schema.
pub(super) struct Told {
    /// The name in the source, if it is another one.
    pub(super) source: Option<String>,
    pub(super) aliases: Vec<String>,
    /// The name under which it is written, if it is another than that under which it is read.
    pub(super) serialized: Option<String>,
    pub(super) has_decoder: bool,
}

impl Told {
    /// True if the schema knows all.
    pub(super) fn is_empty(&self) -> bool {
        self.source.is_none()
            && self.aliases.is_empty()
            && self.serialized.is_none()
            && !self.has_decoder
    }
}
