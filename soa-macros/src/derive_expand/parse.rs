//! The type under the derive, and the arguments of its `#[expand(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Data, DeriveInput, ExprStruct, Field, Fields, Generics, Ident, Meta, Path, Token,
};

use crate::argument::{self, Table, Value, ValueKind, optional, required, without_value};
use crate::errors::Errors;

/// The arguments on a field that takes an object.
const OBJECT: Table = Table {
    attribute: "expand",
    arguments: &[
        required("from", ValueKind::Tokens(field), "owner_id"),
        required(
            "with",
            ValueKind::Tokens(handle),
            "OwnersClient::GET_OWNERS",
        ),
        required(
            "request",
            ValueKind::Tokens(request),
            "GetOwnersRequest { owner_ids }",
        ),
        required("found", ValueKind::Tokens(field), "owners"),
        without_value("nested", ValueKind::Flag),
        without_value("raise_action_errors", ValueKind::Flag),
    ],
};

/// The arguments on a field whose type has expanded fields.
const NESTED: Table = Table {
    attribute: "expand",
    arguments: &[without_value("nested", ValueKind::Flag)],
};

/// The arguments on the type.
const TYPE: Table = Table {
    attribute: "expand",
    arguments: &[optional("crate", ValueKind::Path, "::soa")],
};

/// A struct and its attributes.
pub(super) struct Item {
    pub(super) name: Ident,
    pub(super) generics: Generics,
    pub(super) crate_path: Option<Path>,
    pub(super) fields: Vec<FieldItem>,
    /// True for a struct with named fields.
    pub(super) has_named_fields: bool,
}

/// A field with its attributes.
pub(super) struct FieldItem {
    pub(super) field: Field,
    pub(super) attributes: Vec<(Attribute, Arguments)>,
}

/// The arguments of one `#[expand(…)]` on a field.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) from: Option<TokenStream>,
    pub(super) with: Option<TokenStream>,
    pub(super) request: Option<TokenStream>,
    pub(super) found: Option<TokenStream>,
    pub(super) nested: bool,
    pub(super) raises: bool,
}

/// Takes the type apart.
///
/// # Errors
///
/// If the tokens are not a type.
pub(super) fn item(item: TokenStream, errors: &mut Errors) -> syn::Result<Item> {
    let item: DeriveInput = syn::parse2(item)?;
    let name = item.ident;
    let fields = match item.data {
        Data::Struct(data) => match data.fields {
            Fields::Named(fields) => Ok(fields.named),
            Fields::Unnamed(_) => Err("a struct whose fields have no names"),
            Fields::Unit => Err("a struct without fields"),
        },
        Data::Enum(_) => Err("an enum"),
        Data::Union(_) => Err("a union"),
    };
    // The trait is implemented all the same, so that its uses are not errors as well.
    let has_named_fields = fields.is_ok();
    let fields = fields.unwrap_or_else(|what| {
        errors.on(
            &name,
            format_args!(
                "`{name}` is {what}: `Expand` is for structs with named fields, so wrap it in one"
            ),
        );
        Punctuated::new()
    });
    let mut crate_path = None;
    for attribute in item.attrs.iter().filter(|attribute| is_expand(attribute)) {
        read(&TYPE, attribute, errors, |_, value| {
            if let Value::Path(path) = value {
                crate_path = Some(path);
            }
        });
    }
    let fields = fields.into_iter().map(|field| {
        let attributes = field.attrs.iter().filter(|attribute| is_expand(attribute));
        let attributes =
            attributes.map(|attribute| (attribute.clone(), arguments(attribute, errors)));
        FieldItem {
            attributes: attributes.collect(),
            field,
        }
    });
    Ok(Item {
        fields: fields.collect(),
        name,
        generics: item.generics,
        crate_path,
        has_named_fields,
    })
}

fn is_expand(attribute: &Attribute) -> bool {
    attribute.path().is_ident("expand")
}

fn arguments(attribute: &Attribute, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    let table = if is_only_nested(attribute) {
        &NESTED
    } else {
        &OBJECT
    };
    read(table, attribute, errors, |name, value| {
        match (name, value) {
            ("from", Value::Tokens(tokens)) => arguments.from = Some(tokens),
            ("with", Value::Tokens(tokens)) => arguments.with = Some(tokens),
            ("request", Value::Tokens(tokens)) => arguments.request = Some(tokens),
            ("found", Value::Tokens(tokens)) => arguments.found = Some(tokens),
            ("nested", _) => arguments.nested = true,
            ("raise_action_errors", _) => arguments.raises = true,
            _ => {}
        }
    });
    arguments
}

/// Returns true if `nested` is given, and no argument about an object.
fn is_only_nested(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let words = list.tokens.clone().into_iter();
    let words: Vec<String> = words.map(|token| token.to_string()).collect();
    let is_required =
        |word: &String| matches!(word.as_str(), "from" | "with" | "request" | "found");
    words.iter().any(|word| word == "nested") && !words.iter().any(is_required)
}

fn read(
    table: &Table,
    attribute: &Attribute,
    errors: &mut Errors,
    found: impl FnMut(&'static str, Value),
) {
    let Meta::List(list) = &attribute.meta else {
        errors.on(
            &attribute.meta,
            "`#[expand]` takes its arguments in parentheses: write `#[expand(from = …, with = …, request = …, found = …)]` on a field that takes an object, `#[expand(nested)]` on one that has such fields in it",
        );
        return;
    };
    let place: Span = list.delimiter.span().close();
    let read = list.parse_args_with(|input: ParseStream<'_>| {
        argument::read(table, input, place, errors, found);
        Ok(())
    });
    if let Err(error) = read {
        errors.push(error);
    }
}

/// Reads the name of a field.
fn field(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    match input.call(Ident::parse_any) {
        Ok(name) => Ok(name.into_token_stream()),
        Err(_) => Err(input.error("expected the name of a field, without quotes")),
    }
}

/// Reads the path of a handle, which is a constant of a typed client.
fn handle(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let rule = "expected the handle of an action, a constant of its client";
    let Ok(path) = input.call(Path::parse_mod_style) else {
        return Err(input.error(rule));
    };
    if path.segments.len() < 2 {
        return Err(syn::Error::new_spanned(path, rule));
    }
    Ok(path.into_token_stream())
}

/// Reads a request, written as a struct expression.
fn request(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let rule = "expected the request of the action, a struct with its fields";
    if input.peek(Token![|]) {
        return Err(input.error(rule));
    }
    match input.parse::<ExprStruct>() {
        Ok(request) => Ok(request.into_token_stream()),
        Err(_) => Err(input.error(rule)),
    }
}
