//! `#[derive(ActionErrors)]`: conversions between an enum and errors on the wire.
//!
//! Each variant is an error with a code of its own; its named fields travel as the variables of the error. The same enum
//! serves both sides: a handler returns it, and a caller reads it from the errors of a response. One variant may stand for
//! all errors that the enum does not know.
//!
//! The stages are those of `#[service]`: `attr` reads the arguments of `#[action_error]`, `validate` checks the rules and
//! builds the `model`, `codegen` writes code. The compiler keeps the item of a derive, and removes variants under a false
//! `#[cfg]` before. After a mistake the traits are implemented all the same, so that their uses are not errors as well.

mod attr;
mod codegen;
mod model;
mod validate;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;

/// Expands the derive, on tokens that a test can make too.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = match syn::parse2::<DeriveInput>(item) {
        Ok(item) => {
            let model = validate::errors(&item, &mut errors);
            if errors.is_empty() {
                codegen::errors(&model)
            } else {
                codegen::skeleton(&model)
            }
        }
        Err(error) => {
            errors.push(error);
            TokenStream::new()
        }
    };
    let mut output = expansion;
    output.extend(errors.into_compile_errors());
    output
}
