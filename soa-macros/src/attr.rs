//! The arguments of `#[service(…)]`, `#[action(…)]` and `#[health_check(…)]`.
//!
//! The tables [`SERVICE`], [`CONTRACT`], [`IMPLEMENTATION`], [`ACTION`] and [`HEALTH_CHECK`] list the arguments of each attribute, and
//! [`argument`] reads a list of arguments by such a table. The result is one struct for each attribute.
//!
//! An argument with a mistake is reported and left out of the struct, so the stages behind this one see valid values only.
//! Rules about several arguments, or about an argument and a signature, are not checked here but in `validate`.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, LitStr, Meta, Path, Type, Visibility};

use crate::argument::{
    self, Switch, Table, Value, ValueKind, Version, optional, required, without_value,
};
use crate::errors::Errors;
use crate::period::Period;

const SERVICE: Table = Table {
    attribute: "service",
    arguments: &[
        required("name", ValueKind::Text, "\"example\""),
        optional("version", ValueKind::Version, "\"1.0.0\""),
        optional("crate", ValueKind::Path, "::soa"),
        optional("vis", ValueKind::Visibility, "pub(crate)"),
        optional("calls", ValueKind::Names, "\"stock\""),
    ],
};

/// `#[service]` on a contract, which calls nothing by itself.
const CONTRACT: Table = Table {
    attribute: "service",
    arguments: &[
        required("name", ValueKind::Text, "\"example\""),
        optional("version", ValueKind::Version, "\"1.0.0\""),
        optional("crate", ValueKind::Path, "::soa"),
        optional("vis", ValueKind::Visibility, "pub(crate)"),
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
        optional("calls", ValueKind::Names, "\"stock\""),
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
        optional("cache", ValueKind::Period, "\"10s\""),
    ],
};

const HEALTH_CHECK: Table = Table {
    attribute: "health_check",
    arguments: &[
        optional("name", ValueKind::Text, "\"database\""),
        optional("cached", ValueKind::Period, "\"10s\""),
        optional("slow_after", ValueKind::Period, "\"1s\""),
        optional("timeout", ValueKind::Period, "\"5s\""),
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
    /// The time for which a response may be reused, and the place of that argument.
    pub(crate) cache: Option<(Period, Span)>,
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
                (_, Value::Texts(calls)) => arguments.calls = calls,
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
            (_, Value::Texts(permissions)) => arguments.requires = permissions,
            ("blocking", _) => arguments.blocking = true,
            ("idempotent", _) => arguments.idempotent = true,
            _ => {}
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
