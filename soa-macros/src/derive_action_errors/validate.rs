//! From the enum and its arguments to the model: the rules, and the defaults.
//!
//! The default of a code is the variant's name in capitals with underscores; no two variants share a code. The default of
//! a message is the first paragraph of the doc comment. Fields have names, as they travel under them.

use quote::{ToTokens as _, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Attribute, Data, DeriveInput, Fields, LitInt, LitStr, Variant};

use super::attr::{self, NAME, VariantArguments};
use super::model::{Enumeration, KnownError, Text, UnknownError, Variable};
use crate::errors::Errors;
use crate::http;
use crate::item_attribute;

/// Checks an item. A variant with a mistake is left out of the model.
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
            format_args!("`{name}` cannot be generic, as its errors have fixed types on the wire: remove this parameter"),
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
            reject_attributes(&field.attrs, errors);
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

/// Checks a variant with a code of its own.
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
            "`code` is empty: write one such as `TOO_LARGE`, or remove it",
        );
    }
    if let Some(other) = before.iter().find(|other| other.code == code) {
        let other = &other.variant;
        errors.at(
            place,
            format_args!(
                "the code `{code}` already belongs to `{other}`: write another one in `#[{NAME}(code = \"…\")]`"
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
    for (name, value) in &arguments.headers {
        http::header(name, value, errors);
    }
    let variables = variables(variant, before.len(), errors)?;
    Some(KnownError {
        variant: ident.clone(),
        code,
        message: message?,
        field: arguments.field.as_ref().map(text),
        is_server_fault: arguments.server,
        status: arguments.status,
        headers: arguments.headers,
        variables,
    })
}

/// Returns the fields of the variant with this number.
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
                    "the fields of `{ident}` need names, as they travel under these: write `{ident} {{ name: Type }}`, or `#[{NAME}(other)]` for the variant of unknown errors"
                ),
            );
            None
        }
    }
}

/// Checks the variant for errors that the enum does not know.
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
                format_args!("`{ident}` keeps errors as they were received: remove `{name}`"),
            );
        }
    }
    let over_http = [
        ("status", arguments.status.as_ref().map(LitInt::span)),
        (
            "headers",
            arguments.headers.first().map(|(name, _)| name.span()),
        ),
    ];
    for (name, given) in over_http {
        if let Some(given) = given {
            errors.at(
                given,
                format_args!("`{ident}` keeps errors as they were received: remove `{name}`"),
            );
        }
    }
    if arguments.server {
        errors.at(
            ident.span(),
            format_args!("`{ident}` keeps errors as they were received: remove `server`"),
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

/// Reports attributes on fields.
fn reject_attributes(attributes: &[Attribute], errors: &mut Errors) {
    for attribute in attributes {
        if attribute.path().is_ident(NAME) {
            errors.on(
                attribute,
                format_args!(
                    "`#[{NAME}]` goes on a variant or on the enum: remove it from this field"
                ),
            );
        }
    }
}

/// Returns the text, which has names if it has braces.
fn text(literal: &LitStr) -> Text {
    let value = literal.value();
    if value.contains(['{', '}']) {
        Text::Format(literal.clone())
    } else {
        Text::Fixed(value)
    }
}

/// Returns the first paragraph of a doc comment, on one line without its full stop; `None` if there is none.
fn documented(attributes: &[Attribute]) -> Option<String> {
    let text = item_attribute::summary(attributes)?;
    let text = text.strip_suffix('.').unwrap_or(&text);
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns the code for a name: `TOO_LARGE` for `TooLarge`. A run of capitals is one word: `HTTPError` is `HTTP_ERROR`.
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
