//! `#[derive(ActionErrors)]`: an enum of what can go wrong, as errors on the wire and back.
//!
//! Each variant is an error with a code of its own; its named fields travel as the error's variables. The same enum
//! serves both sides: a handler returns it, and a caller finds it in what it was answered. One variant may stand for all
//! errors that the enum does not know.
//!
//! The stages are those of `#[service]`: `attr` reads the arguments of `#[action_error]`, `validate` checks the rules and
//! builds the `model`, `expand` makes code of it. A derive cannot lose the user's item, and conditions on variants are
//! decided before it runs. After a mistake the traits are implemented all the same, for nothing: what uses them is right.

mod attr;
mod codegen;
mod model;
mod validate;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;

/// The whole of the derive, on tokens that a test can make too.
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
