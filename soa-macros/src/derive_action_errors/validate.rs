//! From the enum and its arguments to the model: the rules, and the defaults.
//!
//! A code is the variant's name in capitals with underscores, unless it is given; no two variants share one. A message
//! is given, or is the first paragraph of the doc comment. Fields have names, since they travel under them.

use quote::{ToTokens as _, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Variant};

use super::attr::{self, NAME, VariantArguments};
use super::model::{Enumeration, KnownError, Text, UnknownError, Variable};
use crate::errors::Errors;
use crate::item_attribute;

/// Checks an item.
pub(super) fn errors(item: &DeriveInput, errors: &mut Errors) -> Enumeration {
    let name = &item.ident;
    let crate_path = attr::of_enum(&item.attrs, errors);
    let mut model = Enumeration {
        name: name.clone(),
        generics: item.generics.clone(),
        crate_path: crate_path.map_or_else(|| quote!(::soa), |path| path.to_token_stream()),
        errors: Vec::new(),
        other: None,
    };
    let Data::Enum(data) = &item.data else {
        errors.at(
            name.span(),
            format_args!(
                "`{name}` is not an enum: `ActionErrors` needs one, in which each variant is an error with a code of its own"
            ),
        );
        return model;
    };
    for parameter in &item.generics.params {
        errors.on(
            parameter,
            format_args!("`{name}` has no parameters on the wire: remove this one"),
        );
    }
    if data.variants.is_empty() {
        errors.at(
            name.span(),
            format_args!("`{name}` has no variants: write one for each thing that can go wrong"),
        );
    }
    for variant in &data.variants {
        let arguments = attr::of_variant(&variant.attrs, errors);
        for field in &variant.fields {
            not_here(&field.attrs, errors);
        }
        if arguments.other {
            let other = other(variant, &arguments, errors);
            if model.other.is_some() {
                errors.at(
                    variant.ident.span(),
                    "`other` is given twice: one variant stands for all errors that the enum does not know",
                );
            }
            model.other = other.or(model.other);
            continue;
        }
        if let Some(known) = known(variant, arguments, &model.errors, errors) {
            model.errors.push(known);
        }
    }
    model
}

/// A variant with a code of its own.
fn known(
    variant: &Variant,
    arguments: VariantArguments,
    before: &[KnownError],
    errors: &mut Errors,
) -> Option<KnownError> {
    let ident = &variant.ident;
    let place = arguments.code.as_ref().map_or(ident.span(), LitStr::span);
    let code = match &arguments.code {
        Some(code) => code.value(),
        None => screaming(&ident.unraw().to_string()),
    };
    if code.is_empty() {
        errors.at(
            place,
            "a code is not empty: write one such as `TOO_LARGE`, or leave `code` out",
        );
    }
    if let Some(other) = before.iter().find(|other| other.code == code) {
        let other = &other.variant;
        errors.at(
            place,
            format_args!(
                "`{other}` has the code `{code}` already: write `#[{NAME}(code = \"…\")]`"
            ),
        );
    }
    let message = match &arguments.message {
        Some(message) => Some(text(message)),
        None => documented(&variant.attrs).map(Text::Fixed),
    };
    if message.is_none() {
        errors.at(
            ident.span(),
            format_args!(
                "`{ident}` has no message: write a doc comment, or `#[{NAME}(message = \"…\")]`"
            ),
        );
    }
    let variables = variables(variant, before.len(), errors)?;
    Some(KnownError {
        variant: ident.clone(),
        code,
        message: message?,
        field: arguments.field.as_ref().map(text),
        is_server_fault: arguments.server,
        variables,
    })
}

/// The fields of a variant, which has this number, under their names.
fn variables(variant: &Variant, number: usize, errors: &mut Errors) -> Option<Vec<Variable>> {
    match &variant.fields {
        Fields::Unit => Some(Vec::new()),
        Fields::Named(fields) => {
            let variables = fields.named.iter().enumerate();
            let variables = variables.filter_map(|(index, field)| {
                let name = field.ident.clone()?;
                Some(Variable {
                    name: name.unraw().to_string(),
                    handle: format_ident!("FIELD_{number}_{index}"),
                    field: name,
                    ty: field.ty.clone(),
                })
            });
            Some(variables.collect())
        }
        Fields::Unnamed(fields) => {
            let ident = &variant.ident;
            errors.on(
                fields,
                format_args!(
                    "the fields of `{ident}` need names, under which they travel: write `{ident} {{ name: Type }}`, or `#[{NAME}(other)]` for the variant of unknown errors"
                ),
            );
            None
        }
    }
}

/// The variant for errors that the enum does not know.
fn other(
    variant: &Variant,
    arguments: &VariantArguments,
    errors: &mut Errors,
) -> Option<UnknownError> {
    let ident = &variant.ident;
    let needless = [
        ("code", &arguments.code),
        ("message", &arguments.message),
        ("field", &arguments.field),
    ];
    for (name, given) in needless {
        if let Some(given) = given {
            errors.at(
                given.span(),
                format_args!("`{ident}` keeps what it was answered: remove `{name}`"),
            );
        }
    }
    if arguments.server {
        errors.at(
            ident.span(),
            format_args!("`{ident}` keeps what it was answered: remove `server`"),
        );
    }
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Some(UnknownError {
            variant: ident.clone(),
            content: fields.unnamed.first().map(|field| field.ty.clone())?,
        }),
        _ => {
            errors.at(
                ident.span(),
                format_args!(
                    "`{ident}` stands for errors that the enum does not know: write `{ident}(soa::WireError)`"
                ),
            );
            None
        }
    }
}

/// The attribute belongs to the variant.
fn not_here(attributes: &[Attribute], errors: &mut Errors) {
    for attribute in attributes {
        if attribute.path().is_ident(NAME) {
            errors.on(
                attribute,
                format_args!(
                    "`#[{NAME}]` goes on a variant or on the enum: a field has no arguments"
                ),
            );
        }
    }
}

/// Braces make a text one with names in it.
fn text(literal: &LitStr) -> Text {
    let value = literal.value();
    if value.contains(['{', '}']) {
        Text::Format(literal.clone())
    } else {
        Text::Fixed(value)
    }
}

/// The first paragraph of a doc comment, as one line without its full stop; `None` without one.
fn documented(attributes: &[Attribute]) -> Option<String> {
    let text = item_attribute::summary(attributes)?;
    let text = text.strip_suffix('.').unwrap_or(&text);
    (!text.is_empty()).then(|| text.to_owned())
}

/// `TooLarge` as `TOO_LARGE`. A run of capitals is one word: `HTTPError` is `HTTP_ERROR`.
fn screaming(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut code = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let after = letters.get(index + 1);
        let follows_small = before.is_some_and(|before| !before.is_uppercase() && *before != '_');
        let ends_capitals = before.is_some_and(|before| before.is_uppercase())
            && after.is_some_and(|after| after.is_lowercase());
        if letter.is_uppercase() && (follows_small || ends_capitals) {
            code.push('_');
        }
        code.extend(letter.to_uppercase());
    }
    code
}

#[cfg(test)]
mod tests {
    use super::screaming;

    #[test]
    fn codes_are_names_in_capitals_with_underscores() {
        let cases = [
            ("TooLarge", "TOO_LARGE"),
            ("Closed", "CLOSED"),
            ("HTTPError", "HTTP_ERROR"),
            ("NotFoundOnDB", "NOT_FOUND_ON_DB"),
            ("Over9000", "OVER9000"),
            ("Isbn13Wrong", "ISBN13_WRONG"),
            ("X", "X"),
        ];
        for (name, code) in cases {
            assert_eq!(screaming(name), code);
        }
    }
}
