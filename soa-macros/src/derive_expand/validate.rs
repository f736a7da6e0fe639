//! From the parsed struct to the model: the rules.
//!
//! A struct has at least one expanded field. The field with an identifier exists, and is not the one that takes the object.
//! In the request, exactly one field is given by its name alone, the one that takes the identifiers.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::{ExprStruct, Ident, Member, Path};

use super::model::{ExpandedField, ExpandedType, ObjectSource};
use super::parse::{Arguments, FieldItem, Item};
use crate::errors::Errors;
use crate::item_attribute::{self, AttributeKind};
use crate::suggestion;

/// Checks a struct. A field with a mistake is left out of the model.
pub(super) fn item(item: Item, errors: &mut Errors) -> Option<ExpandedType> {
    let names: Vec<Ident> = item
        .fields
        .iter()
        .filter_map(|part| part.field.ident.clone())
        .collect();
    if item.has_named_fields && item.fields.iter().all(|part| part.attributes.is_empty()) {
        let name = &item.name;
        errors.on(
            name,
            format_args!(
                "`{name}` has nothing to expand: mark a field with `#[expand(from = …, with = …, request = …, found = …)]` or `#[expand(nested)]`, or remove `Expand`"
            ),
        );
    }
    let fields = item.fields.into_iter();
    let fields = fields.filter_map(|part| place(part, &names, errors));
    Some(ExpandedType {
        fields: fields.collect(),
        crate_path: item
            .crate_path
            .map_or_else(|| quote!(::soa), |path| path.to_token_stream()),
        name: item.name,
        generics: item.generics,
    })
}

fn place(part: FieldItem, names: &[Ident], errors: &mut Errors) -> Option<ExpandedField> {
    let mut attributes = part.attributes.into_iter();
    let (_, arguments) = attributes.next()?;
    for (extra, _) in attributes {
        errors.on(
            extra,
            "`#[expand]` is given twice: a field takes one object, so keep one of them",
        );
    }
    let field = part.field.ident?;
    let is_only_nested = arguments.nested
        && arguments.from.is_none()
        && arguments.with.is_none()
        && arguments.request.is_none()
        && arguments.found.is_none();
    let object = if is_only_nested {
        None
    } else {
        Some(object(&field, arguments, names, errors)?)
    };
    Some(ExpandedField {
        conditions: item_attribute::select(&part.field.attrs, &[AttributeKind::Condition]),
        field,
        ty: part.field.ty,
        object,
    })
}

/// Checks the arguments about an object; `None` if one has a mistake, which has been reported.
fn object(
    field: &Ident,
    arguments: Arguments,
    names: &[Ident],
    errors: &mut Errors,
) -> Option<ObjectSource> {
    let source = arguments
        .from
        .and_then(|name| source(field, name, names, errors));
    let ids = arguments
        .request
        .clone()
        .and_then(|request| ids(request, errors));
    let handle = arguments.with?;
    let found = syn::parse2::<Ident>(arguments.found?).ok()?;
    let (request, ids) = ids?;
    let text = format!("{handle} {request} {found}");
    Some(ObjectSource {
        source: source?,
        client: client(&handle)?,
        handle,
        request,
        ids,
        found,
        text,
        raises: arguments.raises,
        nested: arguments.nested,
    })
}

/// Returns the field with the identifier.
fn source(field: &Ident, name: TokenStream, names: &[Ident], errors: &mut Errors) -> Option<Ident> {
    let name: Ident = syn::parse2(name).ok()?;
    if !names.contains(&name) {
        let near = suggestion::nearest(
            &name.unraw().to_string(),
            names.iter().map(|name| name.unraw().to_string()),
        );
        let advice = near.map_or_else(
            || "write the name of the field that has the identifier".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        errors.on(
            &name,
            format_args!("`{name}` is not a field of this struct: {advice}"),
        );
        return None;
    }
    if name == *field {
        errors.on(
            &name,
            format_args!(
                "`{name}` takes the object: write the name of the field that has its identifier"
            ),
        );
        return None;
    }
    Some(name)
}

/// Returns the request, and its field that takes the identifiers.
fn ids(request: TokenStream, errors: &mut Errors) -> Option<(TokenStream, Ident)> {
    let request: ExprStruct = syn::parse2(request).ok()?;
    let mut alone = request
        .fields
        .iter()
        .filter(|field| field.colon_token.is_none());
    let (first, second) = (alone.next(), alone.next());
    match (first.map(|field| &field.member), second) {
        (Some(Member::Named(name)), None) => Some((request.to_token_stream(), name.clone())),
        (_, Some(second)) => {
            errors.on(
                second,
                "two fields are given by their names alone, but only one takes the identifiers: write `field: value` for the other fields",
            );
            None
        }
        _ => {
            errors.on(
                &request,
                "no field takes the identifiers: write one by its name alone, as in `GetOwnersRequest { owner_ids }`",
            );
            None
        }
    }
}

/// Returns the type that a handle is a constant of.
fn client(handle: &TokenStream) -> Option<TokenStream> {
    let mut path: Path = syn::parse2(handle.clone()).ok()?;
    path.segments.pop();
    path.segments.pop_punct();
    Some(path.into_token_stream())
}
