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
//! * `attr` reads attribute arguments, by `argument`, against tables of what exists;
//! * `validate` checks the rules that concern more than one token, and builds the `model`;
//! * `expand` turns the model, and nothing else, into code.
//!
//! `#[derive(Expand)]`, for responses with objects of other services in them, goes the same way in
//! `expansion`.
//! `#[derive(ActionErrors)]` is such a pipeline of its own, in `action_errors`.
//! `test_plans!` is a macro of its own, in `plans`.
//!
//! Every stage reports into one `errors` sink, so that a user sees all mistakes at once, and the
//! user's own item is part of the output whatever went wrong.

mod action_names;
mod argument;
mod attr;
mod bounds;
mod codegen;
mod declaration;
mod derive_action_errors;
mod derive_expand;
mod errors;
mod handler;
mod health_check;
mod item_attribute;
mod lint;
mod model;
mod parse;
mod period;
mod span;
mod suggestion;
mod test_plans;
#[cfg(test)]
mod tests;
mod validate;
mod wire_name;

use proc_macro2::{Span, TokenStream};

use crate::codegen::Generated;
use crate::errors::Errors;
use crate::parse::ItemKind;

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
    stray("action", item.into()).into()
}

/// Makes a health check of a method inside a `#[service]` block.
#[proc_macro_attribute]
pub fn health_check(
    _arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    stray("health_check", item.into()).into()
}

/// Says which fields of a response take objects of other services.
#[proc_macro_derive(Expand, attributes(expand))]
pub fn derive_expand(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_expand::derive(item.into()).into()
}

/// Makes errors of actions of an enum, and the enum of errors again.
#[proc_macro_derive(ActionErrors, attributes(action_error))]
pub fn action_errors(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_action_errors::derive(item.into()).into()
}

/// Makes a test of each case of the test plans that match.
#[proc_macro]
pub fn test_plans(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    // Cargo sets it for every crate that it compiles.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    test_plans::expand(input.into(), root.as_ref()).into()
}

/// The whole of `#[service]`, on tokens that a test can make too.
fn expand_service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let part = match parse::item(item.clone()) {
        Ok(part) => part,
        Err(error) => {
            // Which arguments there should be, only the kind of item would tell.
            errors.push(error);
            let mut output = parse::without_markers(item);
            output.extend(errors.into_compile_errors());
            return output;
        }
    };
    let expansion = match &part.kind {
        ItemKind::Implementation { .. } => {
            let arguments = attr::implementation(arguments, &mut errors);
            let model = validate::implementation(arguments, &part, &mut errors);
            model.as_ref().map(codegen::implementation)
        }
        ItemKind::Inherent { .. } | ItemKind::Contract { .. } => {
            let arguments = attr::service(arguments, &mut errors);
            let model = validate::service(arguments, &part, &mut errors);
            model.as_ref().map(codegen::service)
        }
    };
    let Generated { inside, beside } = expansion.unwrap_or_default();
    let mut output = part.into_tokens(inside);
    output.extend(beside);
    output.extend(errors.into_compile_errors());
    output
}

/// An `#[action]` or `#[health_check]` that the compiler itself comes across was not in a `#[service]` block, which
/// would have removed it; or a macro inside of such a block has made it.
fn stray(attribute: &str, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    errors.at(
        Span::call_site(),
        format_args!(
            "`#[{attribute}]` marks a method that is written out in a service: put `#[service(name = \"…\")]` on the `impl` block or trait around it, and call both by these names; where a `macro_rules!` makes the method, let it make the whole block"
        ),
    );
    let mut output = item;
    output.extend(errors.into_compile_errors());
    output
}
