//! From the parsed item and its arguments to the model: the rules, and the defaults.
//!
//! Names on the wire start with a letter and go on with letters, digits, `_`, `-` and `.`; no two
//! actions share one. A method may not have a name that the client needs for itself, nor give the
//! same constant as another. The signature is the business of `handler`, what attributes are
//! carried over that of `carry`.
//!
//! An action with a mistake in it stays in the model as long as its types are known, marked as not
//! callable.

use std::collections::HashMap;

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::{Attribute, Generics, Ident, LitStr, Type};

use crate::attr::{self, ServiceArguments, Version};
use crate::carry::{self, Carried};
use crate::errors::Errors;
use crate::handler::{self, Handler};
use crate::model::{Action, Comparison, Service};
use crate::parse::{FnPart, ImplPart, Member, MemberKind};

/// What the client has itself, sorted.
const RESERVED: [&str; 8] = [
    "clone",
    "clone_from",
    "fmt",
    "from_service_client",
    "local",
    "named",
    "new",
    "stubbed",
];

/// Checks a service. `None` where not even the name of its client can be made.
pub(crate) fn service(
    arguments: ServiceArguments,
    part: &ImplPart,
    errors: &mut Errors,
) -> Option<Service> {
    let (name, display_name) = service_name(arguments.name, errors);
    let version = service_version(arguments.version, errors);
    let client = client_name(&part.self_type, errors);
    let actions = actions(part, errors);
    Some(Service {
        crate_path: arguments
            .crate_path
            .map_or_else(|| quote!(::soa), |path| path.to_token_stream()),
        name,
        display_name,
        version,
        documentation: carry::documentation(&part.attributes),
        attributes: carry::select(&part.attributes, &[Carried::Doc, Carried::Lint]),
        self_type: part.self_type.clone(),
        generics: part.generics.clone(),
        client: client?,
        visibility: arguments
            .visibility
            .map_or_else(|| quote!(pub), |visibility| visibility.to_token_stream()),
        actions,
    })
}

fn service_name(given: Option<LitStr>, errors: &mut Errors) -> (TokenStream, String) {
    // A missing name was reported with the arguments.
    let Some(literal) = given else {
        return (quote!(""), String::new());
    };
    let name = literal.value();
    if !is_wire_name(&name) {
        errors.on(&literal, wire_name_rule(&name, "service"));
    }
    (literal.to_token_stream(), name)
}

fn service_version(given: Option<Version>, errors: &mut Errors) -> TokenStream {
    match given {
        None => quote!(""),
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

fn client_name(self_type: &Type, errors: &mut Errors) -> Option<Ident> {
    if let Type::Path(path) = handler::inner(self_type)
        && path.qself.is_none()
        && let Some(last) = path.path.segments.last()
    {
        return Some(Ident::new(
            &format!("{}Client", last.ident.unraw()),
            last.ident.span(),
        ));
    }
    errors.on(self_type, "`#[service]` needs a type with a name, after which the client is called: wrap this one in a `struct`");
    None
}

fn actions(part: &ImplPart, errors: &mut Errors) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut taken = Taken::default();
    for member in &part.members {
        let Some(attribute) = member.actions.first() else {
            continue;
        };
        for extra in member.actions.iter().skip(1) {
            errors.on(
                extra,
                "`#[action]` is given twice: put all arguments into one of them",
            );
        }
        match &member.kind {
            MemberKind::Function(function) => {
                if let Some(action) = action(part, member, function, attribute, &mut taken, errors)
                {
                    actions.push(action);
                }
            }
            MemberKind::Broken(_, error) => errors.push(error.clone()),
            MemberKind::Other(_) => {
                errors.on(
                    attribute,
                    "`#[action]` marks an `async fn` of the service: remove it from this item",
                );
            }
        }
    }
    actions
}

fn action(
    part: &ImplPart,
    member: &Member,
    function: &FnPart,
    attribute: &Attribute,
    taken: &mut Taken,
    errors: &mut Errors,
) -> Option<Action> {
    let method = &function.signature.ident;
    let arguments = attr::action(attribute, errors);
    let conditions = carry::select(&member.attributes, &[Carried::Condition]);
    let conditional = !conditions.is_empty();

    let mut own = Errors::default();
    let (name, display_name, name_span) = action_name(arguments.name, method, &mut own);
    let reserved = RESERVED.contains(&method.unraw().to_string().as_str());
    if reserved {
        own.on(
            method,
            format_args!(
                "`{method}` is a method that the client has itself: rename this one, and keep the \
                 name on the wire with `#[action(name = \"{method}\")]`"
            ),
        );
    }
    let Handler {
        request,
        context,
        response,
        error,
    } = handler::read(&function.signature, &mut own);
    let mut declared_request = arguments.request;
    if request.is_none()
        && let Some(declared) = declared_request.take_if(|declared| !is_unit(declared))
    {
        own.on(
            declared,
            format_args!(
                "`{method}` takes no request: add the argument `request: …` to it, or remove this"
            ),
        );
    }
    let mut types = Types {
        generics: &part.generics,
        comparisons: Vec::new(),
        fixed: true,
    };
    let actual_request = request.clone().unwrap_or_else(unit);
    types.check("request", &actual_request, declared_request, &mut own);
    if let Some(response) = &response {
        types.check("response", response, arguments.response, &mut own);
    }
    let callable = own.is_empty();
    errors.append(own);

    let constant = Ident::new(&screaming(&method.unraw().to_string()), method.span());
    let is_free = taken.names(&display_name, name_span, conditional, errors)
        & taken.constants(&constant, method, conditional, errors);
    if !is_free || !types.fixed || reserved {
        return None;
    }
    Some(Action {
        name,
        display_name,
        method: method.clone(),
        constant,
        request,
        context,
        response: response?,
        error,
        comparisons: types.comparisons,
        documentation: carry::documentation(&member.attributes),
        doc_attributes: carry::select(&member.attributes, &[Carried::Doc]),
        conditions,
        attributes: carry::select(&member.attributes, &[Carried::Deprecated, Carried::Lint]),
        deprecated: member
            .attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("deprecated")),
        callable,
    })
}

/// What is known of the two types of an action.
struct Types<'a> {
    generics: &'a Generics,
    comparisons: Vec<Comparison>,
    /// Whether the client can name both.
    fixed: bool,
}

impl Types<'_> {
    fn check(&mut self, role: &str, actual: &Type, declared: Option<Type>, errors: &mut Errors) {
        let is_fixed = handler::is_fixed(actual, role, self.generics, errors);
        self.fixed &= is_fixed;
        if let Some(declared) = declared
            && handler::is_fixed(&declared, role, self.generics, errors)
            && is_fixed
        {
            self.comparisons.push(Comparison {
                declared,
                actual: actual.clone(),
            });
        }
    }
}

fn action_name(
    given: Option<LitStr>,
    method: &Ident,
    errors: &mut Errors,
) -> (TokenStream, String, Span) {
    if let Some(literal) = given {
        let name = literal.value();
        if !is_wire_name(&name) {
            errors.on(&literal, wire_name_rule(&name, "action"));
        }
        return (literal.to_token_stream(), name, literal.span());
    }
    let name = method.unraw().to_string();
    if !is_wire_name(&name) {
        errors.on(
            method,
            format_args!(
                "{}, so give it one with `#[action(name = \"…\")]`",
                wire_name_rule(&name, "action")
            ),
        );
    }
    let mut literal = Literal::string(&name);
    literal.set_span(method.span());
    (literal.to_token_stream(), name, method.span())
}

/// The names that earlier actions have, and whether all holders of one are under `#[cfg]`.
#[derive(Default)]
struct Taken {
    names: HashMap<String, bool>,
    constants: HashMap<String, (bool, String)>,
}

impl Taken {
    /// Takes a name on the wire. Two actions that are both under `#[cfg]` may share one, as they
    /// may exclude each other.
    fn names(&mut self, name: &str, span: Span, conditional: bool, errors: &mut Errors) -> bool {
        if let Some(all_conditional) = self.names.get_mut(name) {
            if *all_conditional && conditional {
                return true;
            }
            errors.at(
                span,
                format_args!("`{name}` is the name of another action of this service: give one of them another `name`"),
            );
            return false;
        }
        self.names.insert(name.to_owned(), conditional);
        true
    }

    fn constants(
        &mut self,
        constant: &Ident,
        method: &Ident,
        conditional: bool,
        errors: &mut Errors,
    ) -> bool {
        let constant = constant.to_string();
        if let Some((all_conditional, other)) = self.constants.get(&constant) {
            if *all_conditional && conditional {
                return true;
            }
            // Two methods of one name are for the compiler to report.
            if method != other {
                errors.on(
                    method,
                    format_args!("`{method}` and `{other}` would share the constant `{constant}`: rename one of them"),
                );
            }
            return false;
        }
        self.constants
            .insert(constant, (conditional, method.to_string()));
        true
    }
}

fn unit() -> Type {
    syn::parse_quote!(())
}

fn is_unit(ty: &Type) -> bool {
    matches!(handler::inner(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn is_wire_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
        })
}

fn wire_name_rule(name: &str, of: &str) -> String {
    let article = if of == "action" { "an" } else { "a" };
    format!(
        "`{name}` cannot name {article} {of}: a name starts with a letter and goes on with letters, digits, `_`, `-` and `.`"
    )
}

/// `1.2.3`, with one to four numbers, then perhaps a `-pre.release`, then perhaps a `+build`.
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

/// `get_user` and `getUser` become `GET_USER`.
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
