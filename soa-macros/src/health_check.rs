//! Health checks: the methods under `#[health_check]`.
//!
//! A check is `async fn name(&self, cx: &Context) -> Health`. The context is optional, and the type of the result is
//! checked by the compiler (`IntoHealth`). A check belongs to a service, not to a contract, whose clients know nothing of
//! it. The `impl` of a contract may only have the contract's methods, so `parse` moves the checks out of it to a block of
//! their own.
//!
//! A check with a mistake is left out of the registry; its method stays.

use std::collections::HashMap;

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::{FnArg, Ident, LitStr, ReturnType, Signature, Type};

use crate::attr;
use crate::errors::Errors;
use crate::handler::{self, MethodRole};
use crate::item_attribute::{self, AttributeKind};
use crate::model::Check;
use crate::parse::{Item, ItemKind, Member, MemberKind};
use crate::wire_name::{self, is_wire_name};

/// Returns the valid health checks of an item, and reports mistakes in the others.
pub(crate) fn all(item: &Item, errors: &mut Errors) -> Vec<Check> {
    let mut checks = Vec::new();
    // By name: true if all checks of this name so far are under `#[cfg]`.
    let mut taken: HashMap<String, bool> = HashMap::new();
    for member in &item.members {
        let Some(attribute) = member.checks.first() else {
            continue;
        };
        for extra in member.checks.iter().skip(1) {
            errors.on(
                extra,
                "`#[health_check]` is given twice: put all arguments into one of them",
            );
        }
        if let ItemKind::Contract { .. } = item.kind {
            errors.on(
                attribute,
                "health checks belong to a service, not to its contract: move the method to the `impl` of the contract",
            );
            continue;
        }
        let function = match &member.kind {
            MemberKind::Function(function) => function,
            MemberKind::Broken(_, error) => {
                errors.push(error.clone());
                continue;
            }
            MemberKind::Other(_) => {
                errors.on(
                    attribute,
                    "`#[health_check]` goes on an `async fn` of the service: remove it from this item",
                );
                continue;
            }
        };
        let method = &function.signature.ident;
        if let Some(action) = member.actions.first() {
            errors.on(
                action,
                format_args!(
                    "`{method}` cannot be both a health check and an action: split it into two methods"
                ),
            );
            continue;
        }
        let mut own = Errors::default();
        let (check, name, span) = check(member, &function.signature, attribute, &mut own);
        let conditional = !check.conditions.is_empty();
        match taken.get_mut(&name) {
            Some(all_conditional) if !(*all_conditional && conditional) => own.at(
                span,
                format_args!("`{name}` is the name of another health check of this service: give one of them another `name`"),
            ),
            Some(_) => {}
            None => drop(taken.insert(name, conditional)),
        }
        if own.is_empty() {
            checks.push(check);
        }
        errors.append(own);
    }
    checks
}

/// Reads one check. Returns its name and the place of that, too.
fn check(
    member: &Member,
    signature: &Signature,
    attribute: &syn::Attribute,
    errors: &mut Errors,
) -> (Check, String, Span) {
    let method = &signature.ident;
    let arguments = attr::health_check(attribute, errors);
    handler::qualifiers(signature, MethodRole::HealthCheck, errors);
    if signature.asyncness.is_none() {
        errors.on(
            signature.fn_token,
            format_args!("`{method}` is a health check, which is asynchronous: write `async fn`"),
        );
    }
    handler::receiver(signature, MethodRole::HealthCheck, errors);
    handler::parameters(signature, MethodRole::HealthCheck, errors);
    let context = context(signature, errors);
    let (literal, name, span) = check_name(arguments.name.as_ref(), method, errors);
    let check = Check {
        name: literal,
        method: method.clone(),
        context,
        output: output(signature),
        cached: arguments.cached,
        slow_after: arguments.slow_after,
        timeout: arguments.timeout,
        fail_if_slower_than: arguments.fail_if_slower_than,
        conditions: item_attribute::select(&member.attributes, &[AttributeKind::Condition]),
    };
    (check, name, span)
}

/// Returns the type behind the reference of the context argument, if there is one.
fn context(signature: &Signature, errors: &mut Errors) -> Option<Type> {
    let mut context = None;
    let mut extra = TokenStream::new();
    for argument in &signature.inputs {
        let FnArg::Typed(typed) = argument else {
            continue;
        };
        match handler::ungrouped(&typed.ty) {
            Type::Reference(reference)
                if context.is_none() && extra.is_empty() && reference.mutability.is_none() =>
            {
                context = Some((*reference.elem).clone());
            }
            _ => argument.to_tokens(&mut extra),
        }
    }
    if !extra.is_empty() {
        let method = &signature.ident;
        errors.on(
            extra,
            format_args!(
                "`{method}` is a health check, which takes no arguments besides its context: write `(&self)` or `(&self, cx: &Context)`"
            ),
        );
    }
    context
}

/// Returns the type of the result; `None` for an `impl Trait`, which cannot be named elsewhere.
fn output(signature: &Signature) -> Option<Type> {
    match &signature.output {
        ReturnType::Default => Some(handler::unit()),
        ReturnType::Type(_, ty) => {
            let hides = ty.to_token_stream().into_iter().any(
                |token| matches!(&token, proc_macro2::TokenTree::Ident(word) if word == "impl"),
            );
            (!hides).then(|| (**ty).clone())
        }
    }
}

fn check_name(
    given: Option<&LitStr>,
    method: &Ident,
    errors: &mut Errors,
) -> (TokenStream, String, Span) {
    let (literal, name, span) = match given {
        Some(literal) => (quote!(#literal), literal.value(), literal.span()),
        None => {
            let name = method.unraw().to_string();
            let mut literal = Literal::string(&name);
            literal.set_span(method.span());
            (literal.to_token_stream(), name, method.span())
        }
    };
    if !is_wire_name(&name) {
        errors.at(span, wire_name::broken_rule(&name, "a health check"));
    }
    (literal, name, span)
}
