//! From the parsed item and its arguments to the model: the rules, and the defaults.
//!
//! This module has the rules for names and versions. A name on the wire is valid by `wire_name`, and two actions share one
//! only as its variants (`action_names`). A method must not have a name that the client needs itself, nor
//! lead to the same constant as another. Signatures are checked by `handler`, declarations by `declaration`, health checks by
//! `health_check`.
//!
//! An action with a mistake stays in the model, with a mark of what can still be generated.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Generics, Ident, LitStr, Path, Type, parse_quote};

use crate::action_names::{ActionNames, VariantKey};
use crate::argument::Version;
use crate::attr::{self, ServiceArguments};
use crate::bounds;
use crate::declaration;
use crate::errors::Errors;
use crate::handler::{self, Handler};
use crate::health_check;
use crate::http::{self, Routes};
use crate::item_attribute::{self, AttributeKind};
use crate::model::{Action, Comparison, Implementation, Service, ServiceForm, Soundness};
use crate::parse::{Function, Item, ItemKind, Member, MemberKind};
use crate::wire_name::{self, is_wire_name};

/// The names of the methods that the client has itself, or that method calls find in `Into` first; sorted.
const RESERVED: [&str; 10] = [
    "clone",
    "clone_from",
    "fmt",
    "from_service_client",
    "into",
    "local",
    "named",
    "new",
    "stubbed",
    "try_into",
];

/// Checks a service or a contract; `None` if its client has no name.
pub(crate) fn service(
    arguments: ServiceArguments,
    item: &Item,
    errors: &mut Errors,
) -> Option<Service> {
    let type_name = type_name(item);
    let (name, display_name) = service_name(arguments.name, type_name.as_ref(), errors);
    let has_version = arguments.version.is_some();
    let version = service_version(arguments.version, errors);
    let client = type_name.as_ref().map(client_of);
    let (form, visibility) = match &item.kind {
        ItemKind::Contract { name, .. } => {
            for parameter in &item.generics.params {
                errors.on(
                    parameter,
                    format_args!(
                        "`{name}` is a contract, which cannot be generic: remove this parameter"
                    ),
                );
            }
            (ServiceForm::Contract, item.visibility.to_token_stream())
        }
        ItemKind::Inherent { self_type } | ItemKind::Implementation { self_type, .. } => {
            let form = ServiceForm::Inherent {
                self_type: bounds::with_static_lifetimes(self_type).into(),
                generics: bounds::with_service_bounds(&item.generics, self_type),
            };
            if type_name.is_none() {
                errors.on(self_type, "`#[service]` needs a type with a name, as the client is named after it: wrap this type in a `struct`");
            }
            (form, quote!(pub))
        }
    };
    let rest = http::prefix(arguments.rest, errors);
    let actions = actions(item, rest.as_ref(), errors);
    let checks = health_check::all(item, errors);
    Some(Service {
        crate_path: crate_path(arguments.crate_path),
        name,
        display_name,
        type_name: type_name.map_or_else(String::new, |name| name.unraw().to_string()),
        rest,
        package: wire_name::package(arguments.package, errors),
        component: wire_name::component(arguments.component, errors),
        version,
        has_version,
        documentation: item_attribute::documentation(&item.attributes),
        attributes: item_attribute::select(
            &item.attributes,
            &[AttributeKind::Doc, AttributeKind::Lint],
        ),
        form,
        client: client?,
        visibility: arguments
            .visibility
            .map_or(visibility, |visibility| visibility.to_token_stream()),
        actions,
        checks,
        calls: declaration::calls(arguments.calls, errors),
    })
}

/// Checks the `impl` of a contract, which repeats nothing of the contract.
pub(crate) fn implementation(
    arguments: ServiceArguments,
    item: &Item,
    errors: &mut Errors,
) -> Option<Implementation> {
    let ItemKind::Implementation {
        contract,
        self_type,
    } = &item.kind
    else {
        return None;
    };
    for member in &item.members {
        // A method with both attributes is reported with the health checks.
        if !member.checks.is_empty() {
            continue;
        }
        for attribute in &member.actions {
            errors.on(
                attribute,
                "`#[action]` belongs to the contract, which declares its actions: remove it here",
            );
        }
        if let MemberKind::Broken(_, error) = &member.kind
            && !member.actions.is_empty()
        {
            errors.push(error.clone());
        }
    }
    conditional_markers(item, errors);
    Some(Implementation {
        crate_path: crate_path(arguments.crate_path),
        contract: contract.clone(),
        self_type: bounds::with_static_lifetimes(self_type),
        generics: bounds::with_service_bounds(&item.generics, self_type),
        checks: health_check::all(item, errors),
        calls: declaration::calls(arguments.calls, errors),
    })
}

/// Reports `#[cfg_attr(…, action)]`, as the actions have to be known before conditions are evaluated.
fn conditional_markers(item: &Item, errors: &mut Errors) {
    for attribute in item.members.iter().flat_map(|member| &member.conditional) {
        errors.on(
            attribute,
            "`#[action]` and `#[health_check]` cannot be inside of `#[cfg_attr(…)]`, as `#[service]` reads them before the compiler evaluates conditions: write the attribute by itself, beside `#[cfg(…)]` with the condition; if the method exists without the condition, too, let the action be a second method that calls it",
        );
    }
}

fn crate_path(given: Option<Path>) -> TokenStream {
    given.map_or_else(|| quote!(::soa), |path| path.to_token_stream())
}

/// Returns the name of the type or the trait; `None` if it has none.
fn type_name(item: &Item) -> Option<Ident> {
    match &item.kind {
        ItemKind::Contract { name, .. } => Some(name.clone()),
        ItemKind::Inherent { self_type } | ItemKind::Implementation { self_type, .. } => {
            let Type::Path(path) = handler::ungrouped(self_type) else {
                return None;
            };
            let last = path.path.segments.last().filter(|_| path.qself.is_none())?;
            Some(last.ident.clone())
        }
    }
}

/// Returns the name of a service: the given one, or that of its type.
fn service_name(
    given: Option<LitStr>,
    type_name: Option<&Ident>,
    errors: &mut Errors,
) -> (TokenStream, String) {
    if let Some(literal) = given {
        let name = literal.value();
        if !is_wire_name(&name) {
            errors.on(&literal, wire_name::broken_rule(&name, "a service"));
        }
        return (literal.to_token_stream(), name);
    }
    // A type without a name is reported with the client.
    let Some(type_name) = type_name else {
        return (quote!(""), String::new());
    };
    let name = wire_name::of_type(&type_name.unraw().to_string());
    if !is_wire_name(&name) {
        errors.on(
            type_name,
            format_args!(
                "{}, so give it one with `#[service(name = \"…\")]`",
                wire_name::broken_rule(&name, "a service")
            ),
        );
    }
    (Literal::string(&name).to_token_stream(), name)
}

fn service_version(given: Option<Version>, errors: &mut Errors) -> TokenStream {
    match given {
        None => quote!(::core::env!("CARGO_PKG_VERSION")),
        Some(Version::Environment(call)) => call,
        Some(Version::Literal(literal)) => {
            let version = literal.value();
            if !is_version(&version) {
                errors.on(
                    &literal,
                    format_args!(
                        "`{version}` is not a version: write 1 to 4 numbers with dots between them, as in `1.0.0` or `1.2.0-beta.1`"
                    ),
                );
            }
            literal.to_token_stream()
        }
    }
}

fn client_of(name: &Ident) -> Ident {
    Ident::new(&format!("{}Client", name.unraw()), name.span())
}

fn actions(item: &Item, rest: Option<&LitStr>, errors: &mut Errors) -> Vec<Action> {
    conditional_markers(item, errors);
    let mut actions = Vec::new();
    let mut names = ActionNames::default();
    let mut routes = Routes::default();
    for member in &item.members {
        let Some(attribute) = member.actions.first() else {
            if let ItemKind::Contract { .. } = item.kind {
                not_an_action(member, errors);
            }
            continue;
        };
        if !member.checks.is_empty() {
            continue;
        }
        for extra in member.actions.iter().skip(1) {
            errors.on(
                extra,
                "`#[action]` is given twice: put all arguments into one of them",
            );
        }
        match &member.kind {
            MemberKind::Function(function) => {
                if let Some(action) = action(item, member, function, attribute, &mut names, errors)
                {
                    if let Some(http) = &action.declared.http {
                        let conditional = !action.conditions.is_empty();
                        let (name, method) = (&action.display_name, &action.method);
                        routes.add(http, name, method, conditional, errors);
                    }
                    http::names(&action, rest, errors);
                    actions.push(action);
                }
            }
            MemberKind::Broken(_, error) => errors.push(error.clone()),
            MemberKind::Other(_) => {
                errors.on(
                    attribute,
                    "`#[action]` goes on an `async fn` of the service: remove it from this item",
                );
            }
        }
    }
    names.report_lone_variants(errors);
    actions
}

/// Reports an `async fn` of a contract without `#[action]`. Its future would not be `Send`, and mostly the attribute was
/// forgotten.
fn not_an_action(member: &Member, errors: &mut Errors) {
    if let MemberKind::Function(function) = &member.kind
        && let Some(asyncness) = &function.signature.asyncness
        && member.conditional.is_empty()
        && member.checks.is_empty()
    {
        let method = &function.signature.ident;
        errors.on(
            asyncness,
            format_args!(
                "`{method}` is an `async fn` without `#[action]`: put `#[action]` on it, or write `fn {method}(…) -> impl Future<Output = …> + Send`"
            ),
        );
    }
}

fn action(
    item: &Item,
    member: &Member,
    function: &Function,
    attribute: &Attribute,
    names: &mut ActionNames,
    errors: &mut Errors,
) -> Option<Action> {
    let method = &function.signature.ident;
    let arguments = attr::action(attribute, errors);
    let conditions = item_attribute::select(&member.attributes, &[AttributeKind::Condition]);
    let conditional = !conditions.is_empty();
    let declared = declaration::read(&arguments, errors);

    let mut own = Errors::default();
    let (name, display_name, name_span) = action_name(arguments.name.as_ref(), method, &mut own);
    let reserved = RESERVED.contains(&method.unraw().to_string().as_str());
    if reserved {
        own.on(
            method,
            format_args!(
                "`{method}` is reserved, as the client has such a method itself: rename this one, and keep the \
                 name on the wire with `#[action(name = \"{method}\")]`"
            ),
        );
    }
    let Handler {
        mut request,
        context,
        mut response,
        knows_response,
        error,
    } = handler::read(&function.signature, &arguments, &mut own);
    let mut declared_request = arguments.request;
    if request.is_none()
        && let Some(declared) = declared_request.take_if(|declared| !handler::is_unit(declared))
    {
        own.on(
            declared,
            format_args!(
                "`{method}` takes no request: add the argument `request: …` to it, or remove `request` here"
            ),
        );
    }
    let mut types = Types {
        generics: &item.generics,
        comparisons: Vec::new(),
    };
    let actual_request = request.clone().unwrap_or_else(handler::unit);
    let is_request_fixed = types.check("request", &actual_request, declared_request, &mut own);
    let declared_response = arguments.response.filter(|_| knows_response);
    let is_response_fixed = types.check("response", &response, declared_response, &mut own);
    let is_callable = own.is_empty();
    errors.append(own);

    let constant = Ident::new(&screaming(&method.unraw().to_string()), method.span());
    let is_constant = constant == method.unraw();
    if is_constant {
        errors.on(
            method,
            format_args!(
                "`{method}` would name both a method and a constant of the client: rename the method in lower case, and \
                 keep the name on the wire with `#[action(name = \"{method}\")]`"
            ),
        );
    }
    let reserved = reserved || is_constant;
    if reserved || names.has_method(&constant, method, conditional) {
        return None;
    }
    let switch = arguments.switch;
    let (variant, place) = match &switch {
        Some(switch) => (VariantKey::of(switch.tokens()), switch.tokens().span()),
        None if arguments.has_switch => (VariantKey::Unreadable, name_span),
        None => (VariantKey::Default, name_span),
    };
    let is_free = names.add_wire_name(&display_name, variant, place, conditional, errors)
        & names.add_constant(&constant, method, conditional, errors);
    // A type that the client cannot name is replaced by one that every call agrees with.
    if !is_request_fixed {
        request = Some(parse_quote!(impl ::core::marker::Sized));
    }
    if !is_response_fixed {
        response = handler::unit();
    }
    let soundness = if !(is_free && is_request_fixed && is_response_fixed && knows_response) {
        Soundness::MethodOnly
    } else if is_callable {
        Soundness::Sound
    } else {
        Soundness::NotCallable
    };
    Some(Action {
        name,
        display_name,
        switch,
        method: method.clone(),
        constant,
        request,
        context,
        response,
        error,
        comparisons: types.comparisons,
        documentation: item_attribute::documentation(&member.attributes),
        doc_attributes: item_attribute::select(&member.attributes, &[AttributeKind::Doc]),
        conditions,
        attributes: item_attribute::select(
            &member.attributes,
            &[AttributeKind::Deprecated, AttributeKind::Lint],
        ),
        deprecated: item_attribute::deprecation(&member.attributes),
        blocking: arguments.blocking,
        timeout: arguments.timeout,
        declared,
        soundness,
    })
}

/// The types of an action, and those that its attribute repeats.
struct Types<'a> {
    generics: &'a Generics,
    comparisons: Vec<Comparison>,
}

impl Types<'_> {
    /// Checks the type of the request or the response; returns true if the client can name it.
    fn check(
        &mut self,
        role: &str,
        actual: &Type,
        declared: Option<Type>,
        errors: &mut Errors,
    ) -> bool {
        let is_fixed = handler::is_fixed(actual, role, self.generics, errors);
        if let Some(declared) = declared
            && handler::is_fixed(&declared, role, self.generics, errors)
            && is_fixed
        {
            self.comparisons.push(Comparison {
                declared,
                actual: actual.clone(),
            });
        }
        is_fixed
    }
}

fn action_name(
    given: Option<&LitStr>,
    method: &Ident,
    errors: &mut Errors,
) -> (TokenStream, String, Span) {
    if let Some(literal) = given {
        let name = literal.value();
        if !is_wire_name(&name) {
            errors.on(literal, wire_name::broken_rule(&name, "an action"));
        }
        return (literal.to_token_stream(), name, literal.span());
    }
    let name = method.unraw().to_string();
    if !is_wire_name(&name) {
        errors.on(
            method,
            format_args!(
                "{}, so give it one with `#[action(name = \"…\")]`",
                wire_name::broken_rule(&name, "an action")
            ),
        );
    }
    let mut literal = Literal::string(&name);
    literal.set_span(method.span());
    (literal.to_token_stream(), name, method.span())
}

/// Returns true for one to four numbers with dots between them, and an optional `-pre.release` and `+build`.
fn is_version(version: &str) -> bool {
    let (version, build) = split_at_first(version, '+');
    let (numbers, pre_release) = split_at_first(version, '-');
    let is_number =
        |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-'))
    };
    numbers.split('.').count() <= 4
        && numbers.split('.').all(is_number)
        && pre_release.is_none_or(is_word)
        && build.is_none_or(is_word)
}

fn split_at_first(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Returns the name of a constant: `get_user` and `getUser` become `GET_USER`.
fn screaming(name: &str) -> String {
    let mut output = String::new();
    let mut follows_small = false;
    for letter in name.chars() {
        if follows_small && letter.is_uppercase() {
            output.push('_');
        }
        follows_small = letter.is_lowercase() || letter.is_ascii_digit();
        output.extend(letter.to_uppercase());
    }
    output
}
