//! The arguments of `#[action_error(…)]`, on the enum and on its variants.

use syn::parse::ParseStream;
use syn::{Attribute, LitInt, LitStr, Meta, Path};

use crate::argument::{Table, Value, ValueKind, optional, read, without_value};
use crate::errors::Errors;

/// The name of the attribute.
pub(super) const NAME: &str = "action_error";

const ENUM: Table = Table {
    attribute: NAME,
    arguments: &[optional("crate", ValueKind::Path, "::soa")],
};

const VARIANT: Table = Table {
    attribute: NAME,
    arguments: &[
        optional("code", ValueKind::Text, "\"TOO_LARGE\""),
        optional("message", ValueKind::Text, "\"At most 80 characters\""),
        optional("field", ValueKind::Text, "\"title\""),
        without_value("server", ValueKind::Flag),
        without_value("other", ValueKind::Flag),
        optional("status", ValueKind::Status, "404"),
        optional(
            "headers",
            ValueKind::Pairs,
            "\"WWW-Authenticate\" = \"Bearer\"",
        ),
    ],
};

/// The arguments on a variant.
#[derive(Default)]
pub(super) struct VariantArguments {
    pub(super) code: Option<LitStr>,
    pub(super) message: Option<LitStr>,
    pub(super) field: Option<LitStr>,
    pub(super) server: bool,
    pub(super) other: bool,
    pub(super) status: Option<LitInt>,
    pub(super) headers: Vec<(LitStr, LitStr)>,
}

/// Reads the arguments on the enum: the path of the framework.
pub(super) fn of_enum(attributes: &[Attribute], errors: &mut Errors) -> Option<Path> {
    let mut found = None;
    all(&ENUM, attributes, errors, |_, value| {
        if let Value::Path(path) = value {
            found = Some(path);
        }
    });
    found
}

/// Reads the arguments on a variant.
pub(super) fn of_variant(attributes: &[Attribute], errors: &mut Errors) -> VariantArguments {
    let mut arguments = VariantArguments::default();
    all(&VARIANT, attributes, errors, |name, value| {
        match (name, value) {
            ("code", Value::Text(text)) => arguments.code = Some(text),
            ("message", Value::Text(text)) => arguments.message = Some(text),
            ("field", Value::Text(text)) => arguments.field = Some(text),
            ("server", _) => arguments.server = true,
            ("other", _) => arguments.other = true,
            (_, Value::Status(status)) => arguments.status = Some(status),
            (_, Value::Pairs(headers)) => arguments.headers = headers,
            _ => {}
        }
    });
    arguments
}

/// Reads the arguments of all attributes of this name.
fn all(
    table: &Table,
    attributes: &[Attribute],
    errors: &mut Errors,
    mut found: impl FnMut(&'static str, Value),
) {
    let ours = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(NAME));
    for (index, attribute) in ours.enumerate() {
        if index > 0 {
            errors.on(
                attribute,
                format_args!("`#[{NAME}]` is given twice: put all arguments into one"),
            );
            continue;
        }
        let Meta::List(list) = &attribute.meta else {
            errors.on(
                attribute,
                format_args!(
                    "`#[{NAME}]` takes its arguments in parentheses: write `#[{NAME}(…)]`"
                ),
            );
            continue;
        };
        let place = list.delimiter.span().close();
        let outcome = list.parse_args_with(|input: ParseStream<'_>| {
            read(table, input, place, errors, &mut found);
            Ok(())
        });
        if let Err(error) = outcome {
            errors.push(error);
        }
    }
}
