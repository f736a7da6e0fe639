//! The signature of a handler: its rules, and the types in it.
//!
//! A handler is `async fn name(&self, request: Request, cx: &Context) -> Result<Response, E>`, without
//! the `async` if it blocks its thread. The request is the argument taken by value, the context the one taken by reference;
//! both are optional. The types of request and response are fixed on the wire and appear in the client, which
//! is not generic, so they may name neither the parameters of the `impl` block nor `Self` nor lifetimes.
//!
//! All mistakes in a signature are reported at once. Types that can be read in spite of them are
//! returned all the same, so that the client still has the method.

use std::fmt;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    FnArg, GenericArgument, GenericParam, Generics, Ident, PathArguments, Receiver, ReceiverKind,
    ReturnType, Safety, Signature, Type,
};

use crate::attr::ActionArguments;
use crate::errors::Errors;

/// The role of a method in a service. It is displayed with its article.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MethodRole {
    /// A method that clients call.
    Action,
    /// A method that the action `status` calls.
    HealthCheck,
}

impl fmt::Display for MethodRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Action => "an action",
            Self::HealthCheck => "a health check",
        })
    }
}

/// The types in the signature of a handler.
pub(crate) struct Handler {
    /// The argument taken by value.
    pub(crate) request: Option<Type>,
    /// The type behind the reference of the context.
    pub(crate) context: Option<Type>,
    /// The first parameter of the `Result`, or the type in its place.
    pub(crate) response: Type,
    /// True if that is certainly the response.
    pub(crate) knows_response: bool,
    /// The second parameter of the `Result`, if it is written.
    pub(crate) error: Option<Type>,
}

/// Reads the signature of an action with these arguments.
pub(crate) fn read(
    signature: &Signature,
    attribute: &ActionArguments,
    errors: &mut Errors,
) -> Handler {
    qualifiers(signature, MethodRole::Action, errors);
    asyncness(signature, attribute.blocking, errors);
    receiver(signature, MethodRole::Action, errors);
    parameters(signature, MethodRole::Action, errors);
    let declares_request = attribute.request.as_ref().is_some_and(|ty| !is_unit(ty));
    let (request, context) = arguments(signature, declares_request, errors);
    let (response, knows_response, error) = output(signature, errors);
    Handler {
        request,
        context,
        response,
        knows_response,
        error,
    }
}

/// Checks that a method is not `const`, `unsafe` or `extern`.
pub(crate) fn qualifiers(signature: &Signature, role: MethodRole, errors: &mut Errors) {
    let name = &signature.ident;
    if let Some(constness) = &signature.constness {
        errors.on(
            constness,
            format_args!("`{name}` is {role}, which is a plain `async fn`: remove `const`"),
        );
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.on(
            unsafety,
            format_args!("`{name}` is {role}, which must be safe to call: remove `unsafe`"),
        );
    }
    if let Some(abi) = &signature.abi {
        errors.on(
            abi,
            format_args!("`{name}` is {role}, which is a plain `async fn`: remove `extern`"),
        );
    }
}

fn asyncness(signature: &Signature, blocking: bool, errors: &mut Errors) {
    let name = &signature.ident;
    match &signature.asyncness {
        Some(asyncness) if blocking => errors.on(
            asyncness,
            format_args!(
                "`{name}` is a blocking action, which runs on a thread of its own: remove `async`, or `blocking`"
            ),
        ),
        None if !blocking => errors.on(
            signature.fn_token,
            format_args!(
                "`{name}` is an action, which is asynchronous: write `async fn`, or `#[action(blocking)]` where it blocks its thread"
            ),
        ),
        _ => {}
    }
}

/// Checks that a method takes `&self`.
pub(crate) fn receiver(signature: &Signature, role: MethodRole, errors: &mut Errors) {
    let name = &signature.ident;
    let Some(receiver) = signature.receiver() else {
        errors.on(
            name,
            format_args!("`{name}` is {role}, which is called on the service: make `&self` its first argument"),
        );
        return;
    };
    if !is_shared(receiver) {
        errors.on(
            receiver,
            format_args!(
                "`{name}` is {role}, which runs concurrently with others on one service: take `&self`, and put mutable state behind a lock"
            ),
        );
    }
}

/// Returns true for `&self` and `self: &Self`.
fn is_shared(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
        ReceiverKind::Typed(_, ty) => {
            matches!(&**ty, Type::Reference(reference)
                if reference.mutability.is_none() && reference.elem.to_token_stream().to_string() == "Self")
        }
        _ => false,
    }
}

/// Checks that a method is not generic.
pub(crate) fn parameters(signature: &Signature, role: MethodRole, errors: &mut Errors) {
    let name = &signature.ident;
    for parameter in &signature.generics.params {
        let shown = match parameter {
            GenericParam::Lifetime(lifetime) => lifetime.lifetime.to_string(),
            GenericParam::Type(ty) => ty.ident.to_string(),
            GenericParam::Const(constant) => constant.ident.to_string(),
        };
        errors.on(
            parameter,
            match role {
                MethodRole::Action => format!("`{name}` is an action, whose types are fixed on the wire: remove the parameter `{shown}`"),
                MethodRole::HealthCheck => format!("`{name}` is a health check, which cannot be generic: remove the parameter `{shown}`"),
            },
        );
    }
}

fn arguments(
    signature: &Signature,
    declares_request: bool,
    errors: &mut Errors,
) -> (Option<Type>, Option<Type>) {
    let name = &signature.ident;
    let types: Vec<&Type> = signature
        .inputs
        .iter()
        .filter_map(|argument| match argument {
            FnArg::Receiver(_) => None,
            FnArg::Typed(argument) => Some(&*argument.ty),
        })
        .collect();
    let (request, context) = match *types.as_slice() {
        [] => (None, None),
        // It is the context, unless a request is declared.
        [only] if is_reference(only) && declares_request && !is_context(only) => {
            (Some(by_value(name, only, errors)), None)
        }
        [only] if is_reference(only) => (None, Some(only)),
        [only] => (Some(only), None),
        [first, second, ref more @ ..] => {
            if more.is_empty() {
                two_arguments(name, first, second, errors)
            } else {
                let extra: Vec<&FnArg> = signature.inputs.iter().rev().take(more.len()).collect();
                let extra: TokenStream = extra
                    .into_iter()
                    .rev()
                    .map(FnArg::to_token_stream)
                    .collect();
                errors.on(
                    extra,
                    format_args!(
                        "`{name}` is an action, which takes a request and a context: put all other arguments into the request"
                    ),
                );
                // With too many arguments, only a first one by value is certain.
                (Some(first).filter(|ty| !is_reference(ty)), None)
            }
        }
    };
    let context = context.map(|ty| match ungrouped(ty) {
        Type::Reference(reference) => {
            if let Some(mutability) = &reference.mutability {
                errors.on(
                    mutability,
                    format_args!(
                        "`{name}` takes its context by shared reference: write `&Context`"
                    ),
                );
            }
            &*reference.elem
        }
        other => other,
    });
    (request.cloned(), context.cloned())
}

fn two_arguments<'a>(
    name: &Ident,
    first: &'a Type,
    second: &'a Type,
    errors: &mut Errors,
) -> (Option<&'a Type>, Option<&'a Type>) {
    match (is_reference(first), is_reference(second)) {
        (false, true) => (Some(first), Some(second)),
        (true, false) => {
            errors.on(
                first,
                format_args!(
                    "`{name}` takes its context before its request: write `(&self, request: …, cx: &Context)`"
                ),
            );
            (Some(second), Some(first))
        }
        (false, false) => {
            errors.on(
                second,
                format_args!("the second argument of `{name}` is its context, taken by reference: write `cx: &Context`"),
            );
            (Some(first), None)
        }
        (true, true) => (Some(by_value(name, first, errors)), Some(second)),
    }
}

/// Reports a request that is borrowed; returns the type behind the reference.
fn by_value<'a>(name: &Ident, ty: &'a Type, errors: &mut Errors) -> &'a Type {
    errors.on(
        ty,
        format_args!("`{name}` takes its request by value: remove the `&`"),
    );
    match ungrouped(ty) {
        Type::Reference(reference) => &reference.elem,
        other => other,
    }
}

fn output(signature: &Signature, errors: &mut Errors) -> (Type, bool, Option<Type>) {
    let name = &signature.ident;
    let ReturnType::Type(_, ty) = &signature.output else {
        errors.on(
            name,
            format_args!(
                "`{name}` is an action, which returns a `Result`: write `-> Result<Response, E>`"
            ),
        );
        return (unit(), true, None);
    };
    let ty = ungrouped(ty);
    if let Type::ImplTrait(_) = ty
        && signature.asyncness.is_none()
    {
        // This is the future of an `async fn`, written by hand, which is reported at the `fn`.
        return (unit(), false, None);
    }
    if let Type::Path(path) = ty
        && let Some(last) = path.path.segments.last()
        && last.ident == "Result"
    {
        let mut types = Vec::new();
        if let PathArguments::AngleBracketed(arguments) = &last.arguments {
            types.extend(arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty.clone()),
                _ => None,
            }));
        }
        let mut types = types.into_iter();
        let response = types.next();
        if response.is_none() {
            errors.on(
                ty,
                format_args!(
                    "`{name}` returns a `Result` without its types: write `Result<Response, E>`"
                ),
            );
        }
        // An `impl Trait` cannot be named elsewhere.
        let error = types
            .next()
            .filter(|ty| !matches!(ungrouped(ty), Type::ImplTrait(_)));
        let knows_response = response.is_some();
        return (response.unwrap_or_else(unit), knows_response, error);
    }
    errors.on(
        ty,
        format_args!(
            "`{name}` is an action, which returns a `Result`: write `Result<Response, E>`, and not an alias, which a macro cannot resolve"
        ),
    );
    (ty.clone(), false, None)
}

/// Returns true for a reference.
pub(crate) fn is_reference(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Reference(_))
}

/// Returns true for a reference to a type with the name `Context`.
fn is_context(ty: &Type) -> bool {
    let Type::Reference(reference) = ungrouped(ty) else {
        return false;
    };
    matches!(ungrouped(&reference.elem), Type::Path(path)
        if path.path.segments.last().is_some_and(|last| last.ident == "Context"))
}

/// Returns the type `()`.
pub(crate) fn unit() -> Type {
    syn::parse_quote!(())
}

/// Returns true for the type `()`.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Returns the type inside parentheses, and inside the invisible groups that a `macro_rules!` adds.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// Checks that a type means the same in the client, which is not generic, as in the `impl` block.
///
/// Works on tokens, as a name may stand anywhere in the type. Reports every place, and returns true if there is none.
pub(crate) fn is_fixed(ty: &Type, role: &str, generics: &Generics, errors: &mut Errors) -> bool {
    let parameters: Vec<&Ident> = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(ty) => Some(&ty.ident),
            GenericParam::Const(constant) => Some(&constant.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    let mut scan = Scan {
        role,
        parameters: &parameters,
        found: Errors::default(),
    };
    scan.tokens(ty.to_token_stream());
    let fixed = scan.found.is_empty();
    errors.append(scan.found);
    fixed
}

/// A search for names that are not fixed in a type.
struct Scan<'a> {
    role: &'a str,
    parameters: &'a [&'a Ident],
    found: Errors,
}

impl Scan<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        let role = self.role;
        let mut tokens = tokens.into_iter().peekable();
        let mut follows_colons = false;
        while let Some(token) = tokens.next() {
            let mut is_colon = false;
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(word) => self.word(&word, follows_colons),
                TokenTree::Punct(punct) => match (punct.as_char(), tokens.peek()) {
                    ('\'', Some(TokenTree::Ident(lifetime))) => {
                        if lifetime != "static" {
                            let shown = format!("`'{lifetime}` is a lifetime");
                            self.report(lifetime.span(), &shown, "a type that owns its data");
                        }
                        tokens.next();
                    }
                    ('&', next) => {
                        if !matches!(next, Some(TokenTree::Punct(quote)) if quote.as_char() == '\'')
                        {
                            let shown = format!("`&` in the {role} borrows");
                            self.report(punct.span(), &shown, "a type that owns its data");
                        }
                    }
                    (character, _) => is_colon = character == ':',
                },
                TokenTree::Literal(_) => {}
            }
            follows_colons = is_colon;
        }
    }

    fn word(&mut self, word: &Ident, follows_colons: bool) {
        if word == "Self" {
            self.report(
                word.span(),
                "`Self` is another type in the client",
                "the name of the type",
            );
        } else if word == "impl" {
            self.report(word.span(), "`impl` hides a type", "the name of the type");
        } else if !follows_colons && self.parameters.contains(&word) {
            let shown = format!("`{word}` is a generic parameter");
            self.report(word.span(), &shown, "a concrete type");
        }
    }

    fn report(&mut self, span: Span, what: &str, instead: &str) {
        let role = self.role;
        self.found.at(
            span,
            format_args!("{what}, but the {role} of an action is fixed on the wire: use {instead}"),
        );
    }
}
