//! The macros of the `soa` framework, to be used through the `soa` crate, which
//! re-exports them.
//!
//! A service is an `impl` block under `#[service]`; each handler in it is a method under
//! `#[action]`. The macro leaves the block as it is and adds two things beside it: the service's
//! registry (what it offers, and how a job's action reaches its method) and a typed client with one
//! method per action. On a trait, `#[service]` makes a contract: the client, and a registry for
//! whoever implements the trait under `#[service]`.
//!
//! The work is a pipeline, one module a stage, and nothing flows backwards:
//!
//! * `parse` takes the item apart and keeps every method body as one unparsed token group;
//! * `attr` reads attribute arguments against one table of what exists;
//! * `validate` checks the rules that concern more than one token, and builds the `model`;
//! * `expand` turns the model, and nothing else, into code.
//!
//! `test_plans!` is a macro of its own, in `plans`.
//!
//! Every stage reports into one `errors` sink, so that a user sees all mistakes at once, and the
//! user's own item is part of the output whatever went wrong.

mod attr;
mod bounds;
mod carry;
mod errors;
mod expand;
mod handler;
mod model;
mod parse;
mod plans;
mod taken;
#[cfg(test)]
mod tests;
mod validate;

use proc_macro2::{Span, TokenStream};

use crate::errors::Errors;
use crate::expand::Expansion;
use crate::parse::Kind;

/// Makes a service of an inherent `impl` block, a contract of a trait, or a service of the `impl` of a
/// contract.
#[proc_macro_attribute]
pub fn service(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand_service(arguments.into(), item.into()).into()
}

/// Makes an action of a method inside a `#[service]` block.
#[proc_macro_attribute]
pub fn action(
    _arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    stray_action(item.into()).into()
}

/// Makes a test of each case of the test plans that match.
#[proc_macro]
pub fn test_plans(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    // Cargo sets it for every crate that it compiles.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    plans::expand(input.into(), root.as_ref()).into()
}

/// The whole of `#[service]`, on tokens that a test can make too.
fn expand_service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let part = match parse::part(item.clone()) {
        Ok(part) => part,
        Err(error) => {
            // Which arguments there should be, only the kind of item would tell.
            errors.push(error);
            let mut output = parse::without_action_attributes(item);
            output.extend(errors.into_compile_errors());
            return output;
        }
    };
    let expansion = match &part.kind {
        Kind::Implementation { .. } => {
            let arguments = attr::implementation(arguments, &mut errors);
            let model = validate::implementation(arguments, &part, &mut errors);
            model.as_ref().map(expand::implementation)
        }
        Kind::Inherent { .. } | Kind::Contract { .. } => {
            let arguments = attr::service(arguments, &mut errors);
            let model = validate::service(arguments, &part, &mut errors);
            model.as_ref().map(expand::service)
        }
    };
    let Expansion { inside, beside } = expansion.unwrap_or_default();
    let mut output = part.into_tokens(inside);
    output.extend(beside);
    output.extend(errors.into_compile_errors());
    output
}

/// An `#[action]` that the compiler itself comes across was not in a `#[service]` block, which
/// would have removed it.
fn stray_action(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    errors.at(
        Span::call_site(),
        "`#[action]` marks a method of a service: put `#[service(name = \"…\", version = \"…\")]` on the `impl` block or trait around it, and call both by these names",
    );
    let mut output = item;
    output.extend(errors.into_compile_errors());
    output
}
