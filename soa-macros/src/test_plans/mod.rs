//! `test_plans!`: a test for each case of the plans that match.
//!
//! `argument` reads the arguments, `plan_file` finds the files that match (by `glob`) and the cases in them (`case`),
//! `name` makes names of modules and tests, and `codegen` writes the tests.
//!
//! The macro does not parse plans. It looks for the names of cases, for those to skip, and for those that need the service
//! in the process of the test. Everything else is parsed by the runtime when a test runs. So a plan with a mistake fails
//! its own tests and no others, and the grammar of plans exists once.
//!
//! The text of a plan is in its tests by `include_str!`, so that an edit builds them again. A *new* file is found when the
//! test is compiled the next time.

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

/// Expands `test_plans!`. Patterns are relative to `root`.
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
