//! The arguments of `#[soa::body(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser as _};
use syn::{LitStr, Path};

use crate::argument::{Table, Value, ValueKind, optional, read, without_value};
use crate::errors::Errors;

/// The name of the attribute.
const NAME: &str = "soa::body";

const BODY: Table = Table {
    attribute: NAME,
    arguments: &[
        without_value("closed", ValueKind::Flag),
        optional("without", ValueKind::Texts, "[\"Debug\"]"),
        optional("crate", ValueKind::Path, "::soa"),
        optional("package", ValueKind::Text, "\"example_types\""),
    ],
};

/// The arguments of the attribute.
#[derive(Default)]
pub(super) struct Arguments {
    /// True if unknown fields are refused.
    pub(super) closed: bool,
    /// The traits that the user implements.
    pub(super) without: Vec<LitStr>,
    /// The path of the framework.
    pub(super) crate_path: Option<Path>,
    /// The package in protobuf.
    pub(super) package: Option<LitStr>,
}

/// Reads the arguments.
pub(super) fn read_all(tokens: TokenStream, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    let reader = |input: ParseStream<'_>| {
        read(
            &BODY,
            input,
            Span::call_site(),
            errors,
            |name, value| match (name, value) {
                ("closed", _) => arguments.closed = true,
                (_, Value::Texts(traits)) => arguments.without = traits,
                (_, Value::Path(path)) => arguments.crate_path = Some(path),
                (_, Value::Text(package)) => arguments.package = Some(package),
                _ => {}
            },
        );
        Ok(())
    };
    if let Err(error) = reader.parse2(tokens) {
        errors.push(error);
    }
    arguments
}
