//! `#[derive(Expand)]`: the fields of a response that take objects of other services.
//!
//! A field under `#[expand(from = …, with = …, request = …, found = …)]` takes an object: `from` is the field with its
//! identifier, `with` the handle of the action that finds it, `request` that action's request, in which one field is given
//! by its name alone and takes the identifiers, and `found` the field of the response that has the objects. A field under
//! `#[expand(nested)]` has such fields in it.
//!
//! As for services, `parse` reads, `validate` checks and makes the `model`, `codegen` writes code. The code visits each
//! such field. It repeats names and types of the other service as they are written, so that the compiler checks them
//! against that service, and shows errors at them.

mod codegen;
mod model;
mod parse;
mod validate;

use proc_macro2::TokenStream;

use crate::errors::Errors;

/// Expands the derive, on tokens that a test can make too.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let model = match parse::item(item, &mut errors) {
        Ok(item) => validate::item(item, &mut errors),
        Err(error) => {
            errors.push(error);
            None
        }
    };
    let mut output = model.as_ref().map(codegen::expand).unwrap_or_default();
    output.extend(errors.into_compile_errors());
    output
}
