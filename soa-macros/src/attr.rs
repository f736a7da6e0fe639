//! The arguments of `#[service(…)]`, `#[action(…)]` and `#[health_check(…)]`.
//!
//! The tables [`SERVICE`], [`CONTRACT`], [`IMPLEMENTATION`], [`ACTION`] and [`HEALTH_CHECK`] list the arguments of each
//! attribute, and [`argument`] reads a list of arguments by such a table. The result is one struct for each attribute.
//!
//! An argument with a mistake is reported and left out of the struct, so the stages behind this one see valid values only.
//! Rules about several arguments, or about an argument and a signature, are not checked here but in `validate`.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Ident, LitInt, LitStr, Meta, Path, Type, Visibility};

use crate::argument::{
    self, Switch, Table, Value, ValueKind, Version, optional, repeatable, without_value,
};
use crate::errors::Errors;
use crate::period::Period;
use crate::verb::Verb;

const SERVICE: Table = Table {
    attribute: "service",
    arguments: &[
        optional("name", ValueKind::Text, "\"example\""),
        optional("version", ValueKind::Version, "\"1.0.0\""),
        optional("crate", ValueKind::Path, "::soa"),
        optional("vis", ValueKind::Visibility, "pub(crate)"),
        optional("rest", ValueKind::Text, "\"/example\""),
        optional("package", ValueKind::Text, "\"example_api\""),
        optional("component", ValueKind::Text, "\"example-component\""),
        optional("calls", ValueKind::List, "\"stock\""),
    ],
};

/// `#[service]` on a contract, which calls nothing by itself.
const CONTRACT: Table = Table {
    attribute: "service",
    arguments: &[
        optional("name", ValueKind::Text, "\"example\""),
        optional("version", ValueKind::Version, "\"1.0.0\""),
        optional("crate", ValueKind::Path, "::soa"),
        optional("vis", ValueKind::Visibility, "pub(crate)"),
        optional("rest", ValueKind::Text, "\"/example\""),
        optional("package", ValueKind::Text, "\"example_api\""),
        optional("component", ValueKind::Text, "\"example-component\""),
        without_value("calls", ValueKind::Implementation),
    ],
};

/// `#[service]` on the `impl` of a contract. The contract has the other arguments.
const IMPLEMENTATION: Table = Table {
    attribute: "service",
    arguments: &[
        without_value("name", ValueKind::Contract),
        without_value("version", ValueKind::Contract),
        optional("crate", ValueKind::Path, "::soa"),
        without_value("vis", ValueKind::Contract),
        without_value("rest", ValueKind::Contract),
        without_value("package", ValueKind::Contract),
        without_value("component", ValueKind::Contract),
        optional("calls", ValueKind::List, "\"stock\""),
    ],
};

const ACTION: Table = Table {
    attribute: "action",
    arguments: &[
        optional("name", ValueKind::Text, "\"square\""),
        optional("request", ValueKind::Type, "SquareRequest"),
        optional("response", ValueKind::Type, "SquareResponse"),
        optional("switch", ValueKind::Switch, "USER_V2"),
        optional("timeout", ValueKind::Period, "\"2s\""),
        without_value("blocking", ValueKind::Flag),
        optional("requires", ValueKind::Texts, "\"orders.write\""),
        without_value("idempotent", ValueKind::Flag),
        optional("crash_limit", ValueKind::Count, "3"),
        optional("cache", ValueKind::Period, "\"10s\""),
        repeatable("get", ValueKind::Text, "\"/items/{id}\""),
        repeatable("post", ValueKind::Text, "\"/items\""),
        repeatable("put", ValueKind::Text, "\"/items/{id}\""),
        repeatable("patch", ValueKind::Text, "\"/items/{id}\""),
        repeatable("delete", ValueKind::Text, "\"/items/{id}\""),
        optional("body", ValueKind::Field, "item"),
        optional("result", ValueKind::Field, "item"),
        optional("status", ValueKind::Status, "201"),
        optional(
            "headers",
            ValueKind::Pairs,
            "\"Location\" = \"/items/{id}\"",
        ),
        optional("summary", ValueKind::Text, "\"Finds an item\""),
        optional(
            "description",
            ValueKind::Text,
            "\"Finds an item by its number.\"",
        ),
        optional("tags", ValueKind::List, "\"items\""),
    ],
};

const HEALTH_CHECK: Table = Table {
    attribute: "health_check",
    arguments: &[
        optional("name", ValueKind::Text, "\"database\""),
        optional("cached", ValueKind::Period, "\"10s\""),
        optional("slow_after", ValueKind::Period, "\"1s\""),
        optional("timeout", ValueKind::Period, "\"5s\""),
        optional("fail_if_slower_than", ValueKind::Period, "\"300ms\""),
    ],
};

/// The arguments of `#[service(…)]`.
#[derive(Default)]
pub(crate) struct ServiceArguments {
    /// The name on the wire.
    pub(crate) name: Option<LitStr>,
    /// The service's own version.
    pub(crate) version: Option<Version>,
    /// The path of the framework.
    pub(crate) crate_path: Option<Path>,
    /// The visibility of the client.
    pub(crate) visibility: Option<Visibility>,
    /// The prefix of all routes.
    pub(crate) rest: Option<LitStr>,
    /// The package in protobuf.
    pub(crate) package: Option<LitStr>,
    /// The component that offers the service.
    pub(crate) component: Option<LitStr>,
    /// The services that its handlers call.
    pub(crate) calls: Vec<LitStr>,
}

/// The arguments of `#[action(…)]`.
#[derive(Default)]
pub(crate) struct ActionArguments {
    /// The name on the wire.
    pub(crate) name: Option<LitStr>,
    /// The type of the request, to be compared with the signature's.
    pub(crate) request: Option<Type>,
    /// The type of the response, to be compared with the signature's.
    pub(crate) response: Option<Type>,
    /// The switch that selects this variant of the action.
    pub(crate) switch: Option<Switch>,
    /// True if `switch` is given, also if its value is not valid.
    pub(crate) has_switch: bool,
    /// True if the handler blocks its thread.
    pub(crate) blocking: bool,
    /// The timeout of the handler.
    pub(crate) timeout: Option<Period>,
    /// The permissions that a caller needs.
    pub(crate) requires: Vec<LitStr>,
    /// True if the action may run more than once for one call.
    pub(crate) idempotent: bool,
    /// The number of crashes after which a job is not run again, and the place of that argument.
    pub(crate) crash_limit: Option<(u8, Span)>,
    /// The time for which a response may be reused, and the place of that argument.
    pub(crate) cache: Option<(Period, Span)>,
    /// The arguments for HTTP.
    pub(crate) http: HttpArguments,
}

/// The arguments of `#[action(…)]` that are about HTTP.
#[derive(Default)]
pub(crate) struct HttpArguments {
    /// The routes, in the order of the source.
    pub(crate) routes: Vec<(Verb, LitStr)>,
    /// True if a route is given, also if its path is not text.
    pub(crate) has_routes: bool,
    /// The field that is the body, or `whole`.
    pub(crate) body: Option<Ident>,
    /// The field that is the result, or `whole`.
    pub(crate) result: Option<Ident>,
    /// The status of a success.
    pub(crate) status: Option<LitInt>,
    /// The headers of a success.
    pub(crate) headers: Vec<(LitStr, LitStr)>,
    /// The summary in place of that of the doc comment.
    pub(crate) summary: Option<LitStr>,
    /// The description in place of the doc comment.
    pub(crate) description: Option<LitStr>,
    /// The groups in descriptions.
    pub(crate) tags: Vec<LitStr>,
}

impl HttpArguments {
    fn add(&mut self, name: &str, value: Value) {
        if let Some(verb) = Verb::named(name) {
            self.has_routes = true;
            if let Value::Text(path) = value {
                self.routes.push((verb, path));
            }
            return;
        }
        match (name, value) {
            ("body", Value::Field(field)) => self.body = Some(field),
            ("result", Value::Field(field)) => self.result = Some(field),
            ("headers", Value::Pairs(headers)) => self.headers = headers,
            ("summary", Value::Text(text)) => self.summary = Some(text),
            ("description", Value::Text(text)) => self.description = Some(text),
            ("tags", Value::Texts(tags)) => self.tags = tags,
            (_, Value::Status(status)) => self.status = Some(status),
            _ => {}
        }
    }
}

/// The arguments of `#[health_check(…)]`.
#[derive(Default)]
pub(crate) struct CheckArguments {
    /// The name of the check.
    pub(crate) name: Option<LitStr>,
    /// The time for which a result is reused.
    pub(crate) cached: Option<Period>,
    /// The duration from which the check is reported as slow.
    pub(crate) slow_after: Option<Period>,
    /// The timeout of the check.
    pub(crate) timeout: Option<Period>,
    /// The duration from which the check fails, though it goes on.
    pub(crate) fail_if_slower_than: Option<Period>,
}

/// Reads the arguments of `#[service]` on a contract.
pub(crate) fn contract(tokens: TokenStream, errors: &mut Errors) -> ServiceArguments {
    service_by(&CONTRACT, tokens, errors)
}

/// Reads the arguments of `#[service]` on an inherent `impl` block.
pub(crate) fn service(tokens: TokenStream, errors: &mut Errors) -> ServiceArguments {
    service_by(&SERVICE, tokens, errors)
}

/// Reads the arguments of `#[service]` on the `impl` of a contract.
pub(crate) fn implementation(tokens: TokenStream, errors: &mut Errors) -> ServiceArguments {
    service_by(&IMPLEMENTATION, tokens, errors)
}

fn service_by(table: &'static Table, tokens: TokenStream, errors: &mut Errors) -> ServiceArguments {
    let mut arguments = ServiceArguments::default();
    let read = |input: ParseStream<'_>| {
        argument::read(
            table,
            input,
            Span::call_site(),
            errors,
            |name, value| match (name, value) {
                ("name", Value::Text(text)) => arguments.name = Some(text),
                (_, Value::Version(version)) => arguments.version = Some(version),
                (_, Value::Path(path)) => arguments.crate_path = Some(path),
                (_, Value::Visibility(visibility)) => arguments.visibility = Some(visibility),
                ("rest", Value::Text(prefix)) => arguments.rest = Some(prefix),
                ("package", Value::Text(package)) => arguments.package = Some(package),
                ("component", Value::Text(component)) => arguments.component = Some(component),
                ("calls", Value::Texts(calls)) => arguments.calls = calls,
                _ => {}
            },
        );
        Ok(())
    };
    if let Err(error) = read.parse2(tokens) {
        errors.push(error);
    }
    arguments
}

/// Reads the arguments of one `#[action]`.
pub(crate) fn action(attribute: &Attribute, errors: &mut Errors) -> ActionArguments {
    let mut arguments = ActionArguments::default();
    of_method(&ACTION, attribute, errors, |name, value| {
        match (name, value) {
            ("name", Value::Text(text)) => arguments.name = Some(text),
            ("request", Value::Type(request)) => arguments.request = Some(*request),
            ("response", Value::Type(response)) => arguments.response = Some(*response),
            (_, Value::Switch(switch)) => arguments.switch = Some(switch),
            ("timeout", Value::Period(timeout, _)) => arguments.timeout = Some(timeout),
            ("cache", Value::Period(time, place)) => arguments.cache = Some((time, place)),
            ("requires", Value::Texts(permissions)) => arguments.requires = permissions,
            ("blocking", _) => arguments.blocking = true,
            ("idempotent", _) => arguments.idempotent = true,
            (_, Value::Count(limit, place)) => arguments.crash_limit = Some((limit, place)),
            (name, value) => arguments.http.add(name, value),
        }
        arguments.has_switch |= name == "switch";
    });
    arguments
}

/// Reads the arguments of one `#[health_check]`.
pub(crate) fn health_check(attribute: &Attribute, errors: &mut Errors) -> CheckArguments {
    let mut arguments = CheckArguments::default();
    of_method(&HEALTH_CHECK, attribute, errors, |name, value| {
        match (name, value) {
            (_, Value::Text(text)) => arguments.name = Some(text),
            ("cached", Value::Period(time, _)) => arguments.cached = Some(time),
            ("slow_after", Value::Period(time, _)) => arguments.slow_after = Some(time),
            ("timeout", Value::Period(time, _)) => arguments.timeout = Some(time),
            ("fail_if_slower_than", Value::Period(time, _)) => {
                arguments.fail_if_slower_than = Some(time);
            }
            _ => {}
        }
    });
    arguments
}

/// Reads the arguments of an attribute on a method, all of which are optional.
fn of_method(
    table: &Table,
    attribute: &Attribute,
    errors: &mut Errors,
    found: impl FnMut(&'static str, Value),
) {
    match &attribute.meta {
        Meta::Path(_) => {}
        Meta::NameValue(meta) => {
            let attribute = table.attribute;
            errors.on(
                meta,
                format_args!("`#[{attribute}]` takes its arguments in parentheses: write `#[{attribute}(name = \"…\")]`"),
            );
        }
        Meta::List(list) => {
            let place = list.delimiter.span().close();
            let read = list.parse_args_with(|input: ParseStream<'_>| {
                argument::read(table, input, place, errors, found);
                Ok(())
            });
            if let Err(error) = read {
                errors.push(error);
            }
        }
    }
}
