//! `#[soa::body]`: all that the request or the response of an action has to implement.
//!
//! The attribute adds what is missing of `Debug`, `Clone`, serde's traits, `JsonSchema` and garde's `Validate`, under the
//! framework's own paths. It tells the schema of each field what only serde knows, and implements the check of the rules of
//! the type and of the bodies within it.
//!
//! The stages are those of `#[service]`: `argument` reads the attribute's own arguments, `serde` those that users wrote
//! for serde, `validate` checks the rules and builds the `model`, `codegen` writes code. The item is part of the output in
//! any case.

mod argument;
mod codegen;
mod model;
mod rename;
mod serde;
mod validate;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;

/// Expands the attribute, on tokens that a test can make too.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = argument::read_all(arguments, &mut errors);
    let mut output = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) => {
            let model = validate::body(arguments, &input, &mut errors);
            codegen::body(input, &model)
        }
        Err(_) => {
            errors.on(
                &item,
                "`#[soa::body]` goes on a struct or an enum: the request or the response of an action, or what is in one",
            );
            item
        }
    };
    output.extend(errors.into_compile_errors());
    output
}
