//! `test_plans!`: a test for each case of the plans that match.
//!
//! The macro does not read plans, it looks through them: which blocks have a `test name:`, which are skipped, and which need
//! the service in the test's process. What a line means, and whether it means anything, is the runtime's business, when the
//! test runs. So a plan with a mistake fails its own tests and no others, this crate needs no grammar, and nothing is
//! compiled twice.
//!
//! Files are found here and their text goes into the tests by `include_str!`, so that an edit builds them again. A *new*
//! file is seen when the test is compiled the next time.

mod argument;
mod case;
mod codegen;
mod glob;
mod name;
mod plan_file;

use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use argument::Arguments;

/// The whole of `test_plans!`, with the directory that patterns are relative to.
pub(crate) fn expand(input: TokenStream, root: &Path) -> TokenStream {
    let mut errors = Errors::default();
    let output = match syn::parse2::<Arguments>(input) {
        Ok(arguments) => {
            let plans = plan_file::find(&arguments.patterns, root, &mut errors);
            codegen::tests(&arguments, &plans, &mut errors)
        }
        Err(error) => {
            errors.push(error);
            TokenStream::new()
        }
    };
    let errors = errors.into_compile_errors();
    quote!(#output #errors)
}
