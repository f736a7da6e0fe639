//! The macros of the `soa` framework. Use them through the `soa` crate, which re-exports them.
//!
//! A service is an `impl` block under `#[service]`; each handler in it is a method under `#[action]`. The macro keeps the
//! block and adds two things: the registry of the service (its descriptor and its handlers) and a typed client with one
//! method per action. On a trait, `#[service]` makes a contract: the client, and a registry for each `impl` of the trait
//! under `#[service]`.
//!
//! `#[service]` is a pipeline with one module for each stage. A module uses only those before it:
//!
//! * `attr` reads the arguments of attributes, by tables of what exists (`argument`);
//! * `parse` takes the item apart and keeps every method body as one unparsed token group;
//! * `validate` checks the rules and builds the `model`;
//! * `codegen` turns the model, and nothing else, into code.
//!
//! `#[soa::body]`, `#[derive(Expand)]`, `#[derive(ActionErrors)]` and `test_plans!` have a folder each, with the same stages.
//! All stages report into one sink of `errors`, so that a user sees all mistakes at once, and the user's own item is part of
//! the output in any case.
//!
//! The generated code decides nothing at run time: decoding, validation, encoding and sending are in the runtime, which
//! this crate does not depend on and knows by paths alone.

mod action_names;
mod argument;
mod attr;
mod body;
mod bounds;
mod codegen;
mod declaration;
mod derive_action_errors;
mod derive_expand;
mod errors;
mod handler;
mod health_check;
mod http;
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
mod verb;
mod wire_name;

use proc_macro2::{Span, TokenStream};

use crate::codegen::Generated;
use crate::errors::Errors;
use crate::parse::ItemKind;

/// Turns an inherent `impl` block or the `impl` of a contract into a service, and a trait into a contract.
#[proc_macro_attribute]
pub fn service(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand_service(arguments.into(), item.into()).into()
}

/// Turns a method inside a `#[service]` block into an action.
#[proc_macro_attribute]
pub fn action(
    _arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    stray("action", item.into()).into()
}

/// Turns a method inside a `#[service]` block into a health check.
#[proc_macro_attribute]
pub fn health_check(
    _arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    stray("health_check", item.into()).into()
}

/// Implements for a struct or an enum all that a request or a response needs.
#[proc_macro_attribute]
pub fn body(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    body::expand(arguments.into(), item.into()).into()
}

/// Implements `Expand` for a response: its marked fields take objects of other services.
#[proc_macro_derive(Expand, attributes(expand))]
pub fn derive_expand(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_expand::derive(item.into()).into()
}

/// Implements `ActionErrors` for an enum: conversions to errors on the wire and back.
#[proc_macro_derive(ActionErrors, attributes(action_error))]
pub fn action_errors(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_action_errors::derive(item.into()).into()
}

/// Generates a test for each case of the test plans that match.
#[proc_macro]
pub fn test_plans(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    // Cargo sets the variable for every crate that it compiles.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    test_plans::expand(input.into(), root.as_ref()).into()
}

/// Expands `#[service]`, on tokens that a test can make too.
fn expand_service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed = match parse::item(item.clone()) {
        Ok(parsed) => parsed,
        Err(error) => {
            // The arguments are not read, as the known ones depend on the kind of item.
            errors.push(error);
            let mut output = parse::without_markers(item);
            output.extend(errors.into_compile_errors());
            return output;
        }
    };
    let generated = match &parsed.kind {
        ItemKind::Implementation { .. } => {
            let arguments = attr::implementation(arguments, &mut errors);
            let model = validate::implementation(arguments, &parsed, &mut errors);
            model.as_ref().map(codegen::implementation)
        }
        kind @ (ItemKind::Inherent { .. } | ItemKind::Contract { .. }) => {
            let arguments = match kind {
                ItemKind::Contract { .. } => attr::contract(arguments, &mut errors),
                _ => attr::service(arguments, &mut errors),
            };
            let model = validate::service(arguments, &parsed, &mut errors);
            model.as_ref().map(codegen::service)
        }
    };
    let Generated { inside, beside } = generated.unwrap_or_default();
    let mut output = parsed.into_tokens(inside);
    output.extend(beside);
    output.extend(errors.into_compile_errors());
    output
}

/// Reports an `#[action]` or `#[health_check]` that the compiler expands by itself.
///
/// A `#[service]` block removes these attributes. So this one is outside of a block, a macro inside of a block has made it,
/// or the block's own attribute is inside of a `#[cfg_attr(…)]` whose condition is false. The message names all of these,
/// because the compiler does not tell them apart here.
fn stray(attribute: &str, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    errors.at(
        Span::call_site(),
        format_args!(
            "no `#[service]` has seen this `#[{attribute}]`: put `#[service(name = \"…\")]` on the `impl` block or trait around the method. If it is there: a macro such as a `macro_rules!` that makes the method has to make the whole block; instead of `#[cfg_attr(…, service(…))]`, write `#[cfg(…)]` and `#[service(…)]`; and rename neither attribute"
        ),
    );
    let mut output = item;
    output.extend(errors.into_compile_errors());
    output
}
