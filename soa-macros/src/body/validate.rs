//! From the item and its attributes to the model: the rules, and the names in messages.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Field, Fields, GenericArgument, GenericParam, Meta, Path,
    PathArguments, Token, Type,
};

use super::argument::Arguments;
use super::model::{
    BodyModel, DerivedTrait, FieldModel, OwnRules, Shape, Told, VariantModel, WireName,
};
use super::rename::Rule;
use super::serde::{SerdeAttributes, Ways, metas};
use crate::errors::Errors;
use crate::suggestion;
use crate::wire_name;

/// The traits that the attribute derives, by their names.
const DERIVED: [(&str, DerivedTrait); 5] = [
    ("Debug", DerivedTrait::Debug),
    ("Clone", DerivedTrait::Clone),
    ("Serialize", DerivedTrait::Serialize),
    ("Deserialize", DerivedTrait::Deserialize),
    ("JsonSchema", DerivedTrait::JsonSchema),
];

const VALIDATE: &str = "Validate";

/// Checks an item.
pub(super) fn body(arguments: Arguments, input: &DeriveInput, errors: &mut Errors) -> BodyModel {
    let own = SerdeAttributes::of(&input.attrs);
    let derives = derives(&input.attrs);
    let without = without(&arguments, errors);
    let has = |name: &str| derives.contains(name) || without.contains(name);
    let is_derived_below = derives.contains(VALIDATE);
    let mut borrows = false;
    for parameter in &input.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            borrows = true;
            errors.on(
                lifetime,
                format_args!(
                    "`{}` cannot borrow, as a body outlives the message that it is read from: use `String`, `Vec` and the like, and remove this lifetime",
                    input.ident
                ),
            );
        }
    }
    for field in fields_of(input) {
        if borrows_something(&field.ty) {
            borrows = true;
            errors.on(
                &field.ty,
                "a body cannot borrow, as it outlives the message that it is read from: use `String`, `Vec` and the like",
            );
        }
    }
    reject_conditional_attributes(input, errors);
    let has_misspelled_rule = reject_misspelled_rules(input, errors);
    let first_rule = attributes_of(input).find(|attribute| attribute.path().is_ident("garde"));
    let rules = match first_rule {
        _ if has(VALIDATE) => OwnRules::Validated,
        // garde's derive would report the name in its own words, and its trait as missing everywhere.
        Some(rule) if !has_misspelled_rule => OwnRules::ToDerive(rule.span()),
        _ => OwnRules::None,
    };
    let is_derived = is_derived_below || matches!(rules, OwnRules::ToDerive(_));
    let is_allowed = metas(&input.attrs, "garde")
        .iter()
        .any(|meta| meta.path().is_ident("allow_unvalidated"));
    let closed = arguments.closed && !own.closed && can_be_closed(input, errors);
    let variants = match &input.data {
        Data::Struct(data) => {
            let fields = fields(&data.fields, &own, own.rename_all.clone(), &[]);
            let variant = VariantModel {
                name: None,
                conditions: Vec::new(),
                aliases: Vec::new(),
                is_other: false,
                fields,
            };
            vec![variant]
        }
        Data::Enum(data) => {
            let variants = data.variants.iter();
            variants.map(|variant| variant_of(variant, &own)).collect()
        }
        Data::Union(_) => {
            errors.on(
                &input.ident,
                format_args!(
                    "`{}` is a union, which serde cannot read: make it a struct or an enum",
                    input.ident
                ),
            );
            Vec::new()
        }
    };
    let has_schema = !without.contains("JsonSchema");
    if let Some(package) = &arguments.package
        && !has_schema
    {
        errors.on(
            package,
            "`package` is written into the schema that is derived: remove it, and put `\"x-soa-package\"` into the schema of your own",
        );
    }
    BodyModel {
        crate_path: arguments
            .crate_path
            .map_or_else(|| quote!(::soa), |path| path.to_token_stream()),
        derived: DERIVED
            .into_iter()
            .filter(|(name, _)| !has(name))
            // What borrows cannot be read; the error above says so.
            .filter(|(_, derived)| !(borrows && *derived == DerivedTrait::Deserialize))
            .map(|(_, derived)| derived)
            .collect(),
        serde_crate: !own.has_crate
            && ["Serialize", "Deserialize"]
                .iter()
                .any(|name| !without.contains(*name)),
        tells_names: tells_names(input, &own, &without),
        has_schema,
        package: wire_name::package(arguments.package, errors),
        schemars_crate: has_schema
            && !metas(&input.attrs, "schemars")
                .iter()
                .any(|meta| meta.path().is_ident("crate")),
        closed,
        rules,
        shape: Shape {
            variants,
            allow_unvalidated: is_derived && !is_allowed,
        },
        is_broken: matches!(input.data, Data::Union(_)),
    }
}

/// Returns the names of the derived traits.
fn derives(attributes: &[Attribute]) -> BTreeSet<String> {
    let derives = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"));
    let paths = derives.filter_map(|attribute| {
        attribute
            .parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)
            .ok()
    });
    paths
        .flatten()
        .filter_map(|path| Some(path.segments.last()?.ident.to_string()))
        .collect()
}

/// Returns the names of the traits that the user implements.
fn without(arguments: &Arguments, errors: &mut Errors) -> BTreeSet<String> {
    let known = || DERIVED.iter().map(|(name, _)| *name).chain([VALIDATE]);
    let mut found = BTreeSet::new();
    for name in &arguments.without {
        let given = name.value();
        if known().any(|known| known == given) {
            found.insert(given);
            continue;
        }
        let meant = suggestion::nearest(&given, known())
            .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        errors.at(
            name.span(),
            format_args!(
                "`{given}` is none of the traits that `#[soa::body]` derives, which are {}{meant}",
                known()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        );
    }
    found
}

/// Returns the attributes of the item, its variants and its fields.
fn attributes_of(input: &DeriveInput) -> impl Iterator<Item = &Attribute> {
    let inside: Vec<&Attribute> = match &input.data {
        Data::Struct(data) => data.fields.iter().flat_map(|field| &field.attrs).collect(),
        Data::Enum(data) => data
            .variants
            .iter()
            .flat_map(|variant| {
                let fields = variant.fields.iter().flat_map(|field| &field.attrs);
                variant.attrs.iter().chain(fields)
            })
            .collect(),
        Data::Union(_) => Vec::new(),
    };
    input.attrs.iter().chain(inside)
}

/// Returns true for a struct whose fields have the names that serde's attributes say, in both directions.
fn tells_names(input: &DeriveInput, own: &SerdeAttributes, without: &BTreeSet<String>) -> bool {
    let Data::Struct(data) = &input.data else {
        return false;
    };
    let is_by_hand = ["Serialize", "Deserialize", "JsonSchema"]
        .iter()
        .any(|name| without.contains(*name));
    // Attributes of schemars win over those of serde.
    let is_renamed = |attributes: &[Attribute]| {
        metas(attributes, "schemars").iter().any(|meta| {
            let name = meta.path().get_ident().map(ToString::to_string);
            !matches!(
                name.as_deref(),
                Some("crate" | "description" | "example" | "extend" | "range" | "regex" | "title")
            )
        })
    };
    let is_known = |field: &Field| {
        let attributes = SerdeAttributes::of(&field.attrs);
        !attributes.flatten
            && attributes.skipped == attributes.unwritten
            && !is_renamed(&field.attrs)
    };
    let is_plain = !own.transparent && !own.converted && own.tag.is_none() && !is_by_hand;
    let has_names = matches!(data.fields, Fields::Named(_));
    is_plain && has_names && !is_renamed(&input.attrs) && data.fields.iter().all(is_known)
}

fn fields_of(input: &DeriveInput) -> Vec<&Field> {
    match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data
            .variants
            .iter()
            .flat_map(|variant| &variant.fields)
            .collect(),
        Data::Union(_) => Vec::new(),
    }
}

/// True if a type has a reference with the lifetime `'static`. Any other lifetime is a parameter of the item, and
/// reported there.
fn borrows_something(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => reference
            .lifetime
            .as_ref()
            .is_some_and(|lifetime| lifetime.ident == "static"),
        Type::Path(path) => path.path.segments.iter().any(|segment| {
            matches!(&segment.arguments, PathArguments::AngleBracketed(arguments)
            if arguments.args.iter().any(|argument| {
                matches!(argument, GenericArgument::Type(ty) if borrows_something(ty))
            }))
        }),
        _ => false,
    }
}

/// Reports serde's and garde's attributes that depend on a condition: this attribute is expanded before conditions are.
fn reject_conditional_attributes(input: &DeriveInput, errors: &mut Errors) {
    const NAMES: [&str; 4] = ["serde", "garde", "schemars", "derive"];
    for attribute in attributes_of(input) {
        if !attribute.path().is_ident("cfg_attr") {
            continue;
        }
        let tokens = attribute
            .meta
            .to_token_stream()
            .into_iter()
            .flat_map(|token| match token {
                TokenTree::Group(group) => group.stream().into_iter().collect(),
                other => vec![other],
            });
        let named = tokens
            .map(|token| token.to_string())
            .find(|token| NAMES.contains(&token.as_str()));
        if let Some(named) = named {
            errors.on(
                attribute,
                format_args!(
                    "`#[soa::body]` cannot see what `cfg_attr` adds, as conditions are decided after it: write `#[{named}(…)]` without `cfg_attr`, or put the condition on the whole item"
                ),
            );
        }
    }
}

/// Reports the names of rules that are nearly those of garde. Returns true if there are any.
fn reject_misspelled_rules(input: &DeriveInput, errors: &mut Errors) -> bool {
    const RULES: [&str; 27] = [
        "adapt",
        "allow_unvalidated",
        "alphanumeric",
        "ascii",
        "code",
        "contains",
        "context",
        "credit_card",
        "custom",
        "dive",
        "email",
        "if",
        "inner",
        "ip",
        "ipv4",
        "ipv6",
        "length",
        "matches",
        "pattern",
        "phone_number",
        "prefix",
        "range",
        "rename",
        "required",
        "skip",
        "suffix",
        "url",
    ];
    const OF_TYPES: [&str; 1] = ["transparent"];
    let known = || RULES.into_iter().chain(OF_TYPES);
    let mut found = false;
    for attribute in attributes_of(input) {
        let Meta::List(list) = &attribute.meta else {
            continue;
        };
        if !attribute.path().is_ident("garde") {
            continue;
        }
        // Names stand at the beginning and behind a comma. What is in parentheses is one token.
        let mut at_name = true;
        for token in list.tokens.clone() {
            if let (true, TokenTree::Ident(name)) = (at_name, &token) {
                let given = name.to_string();
                if let Some(meant) = suggestion::nearest(&given, known())
                    && meant != given
                {
                    found = true;
                    errors.at(
                        name.span(),
                        format_args!("`{given}` is not a rule of garde: did you mean `{meant}`?"),
                    );
                }
            }
            at_name = matches!(&token, TokenTree::Punct(comma) if comma.as_char() == ',');
        }
    }
    found
}

/// Returns true if unknown fields can be refused.
fn can_be_closed(input: &DeriveInput, errors: &mut Errors) -> bool {
    if let Data::Struct(data) = &input.data
        && !matches!(data.fields, Fields::Named(_))
    {
        errors.on(
            &input.ident,
            format_args!(
                "`{}` has no named fields, so none can be unknown: remove `closed`",
                input.ident
            ),
        );
        return false;
    }
    let mut can = !matches!(input.data, Data::Union(_));
    for field in fields_of(input) {
        if SerdeAttributes::of(&field.attrs).flatten {
            can = false;
            errors.on(
                field,
                "`closed` and `flatten` exclude each other, as serde cannot tell which fields the flattened type leaves over: remove one of them",
            );
        }
    }
    can
}

fn variant_of(variant: &syn::Variant, own: &SerdeAttributes) -> VariantModel {
    let attributes = SerdeAttributes::of(&variant.attrs);
    let source = variant.ident.unraw().to_string();
    let name = name_of(&source, &attributes.rename, &own.rename_all, Rule::variant);
    let prefix = match (&own.tag, &own.content) {
        _ if own.untagged || attributes.untagged => Vec::new(),
        (Some(_), Some(content)) => vec![WireName {
            read: content.clone(),
            written: content.clone(),
        }],
        (Some(_), None) => Vec::new(),
        _ => vec![name],
    };
    let rename_all = Ways {
        read: attributes.rename_all.read.or(own.rename_all_fields.read),
        written: attributes
            .rename_all
            .written
            .or(own.rename_all_fields.written),
    };
    VariantModel {
        name: Some(variant.ident.clone()),
        conditions: conditions(&variant.attrs),
        fields: fields(&variant.fields, &attributes, rename_all, &prefix),
        aliases: attributes.aliases,
        is_other: attributes.is_other,
    }
}

/// Returns the fields of a struct or a variant.
fn fields(
    fields: &Fields,
    container: &SerdeAttributes,
    rename_all: Ways<Rule>,
    prefix: &[WireName],
) -> Vec<FieldModel> {
    let count = fields.len();
    let numbered = fields.iter().enumerate();
    let models = numbered.map(|(index, field)| {
        let attributes = SerdeAttributes::of(&field.attrs);
        // A schema that the user wrote for the field describes what its decoder takes.
        let has_schema = metas(&field.attrs, "schemars")
            .iter()
            .any(|meta| meta.path().is_ident("with") || meta.path().is_ident("schema_with"));
        let mut steps = prefix.to_vec();
        let mut told = Told {
            source: None,
            aliases: Vec::new(),
            serialized: None,
            has_decoder: attributes.has_decoder && !has_schema,
        };
        match &field.ident {
            // A newtype is what is in it.
            Some(_) if container.transparent => {}
            None if count == 1 => {}
            Some(ident) => {
                let source = ident.unraw().to_string();
                let name = name_of(&source, &attributes.rename, &rename_all, Rule::field);
                told.serialized = (name.written != name.read).then(|| name.written.clone());
                told.source = (source != name.read).then_some(source);
                told.aliases.clone_from(&attributes.aliases);
                if !attributes.flatten {
                    steps.push(name);
                }
            }
            None => steps.push(WireName {
                read: index.to_string(),
                written: index.to_string(),
            }),
        }
        let rules = metas(&field.attrs, "garde");
        let is_skipped =
            attributes.skipped || rules.iter().any(|rule| rule.path().is_ident("skip"));
        FieldModel {
            name: field.ident.clone(),
            conditions: conditions(&field.attrs),
            steps,
            has_rules: field
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("garde")),
            is_skipped: attributes.skipped && attributes.unwritten,
            may_have_bodies: !is_skipped && may_have_bodies(&field.ty),
            told: (!attributes.flatten && !attributes.skipped && !told.is_empty()).then_some(told),
            needs_schema: attributes.has_module && !has_schema,
            span: field.ty.span(),
        }
    });
    models.collect()
}

fn name_of(
    source: &str,
    own: &Ways<String>,
    all: &Ways<Rule>,
    apply: fn(Rule, &str) -> String,
) -> WireName {
    let name = |own: &Option<String>, all: Option<Rule>| {
        own.clone()
            .unwrap_or_else(|| all.map_or_else(|| source.to_owned(), |rule| apply(rule, source)))
    };
    WireName {
        read: name(&own.read, all.read),
        written: name(&own.written, all.written),
    }
}

fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    let conditions = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.cloned().collect()
}

/// Returns false for the types of the language and the standard library that cannot contain a body. They need no probe,
/// which keeps the expansion short.
fn may_have_bodies(ty: &Type) -> bool {
    const SCALARS: [&str; 17] = [
        "String", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32",
        "i64", "i128", "isize", "f32", "f64",
    ];
    const CONTAINERS: [&str; 8] = [
        "Option", "Vec", "Box", "VecDeque", "BTreeMap", "HashMap", "BTreeSet", "HashSet",
    ];
    let Type::Path(path) = ty else {
        return true;
    };
    let Some(last) = path.path.segments.last() else {
        return true;
    };
    let is_one_of = |names: &[&str]| names.iter().any(|name| last.ident == name);
    match &last.arguments {
        PathArguments::None => !(is_one_of(&SCALARS) && path.path.segments.len() == 1),
        PathArguments::AngleBracketed(arguments) if is_one_of(&CONTAINERS) => {
            arguments.args.iter().any(|argument| match argument {
                GenericArgument::Type(ty) => may_have_bodies(ty),
                _ => true,
            })
        }
        _ => true,
    }
}
