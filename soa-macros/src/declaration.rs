//! The declarations of an action besides its types: `requires`, `idempotent`, `crash_limit`, `cache`, and those for HTTP
//! (`http`); and `calls`, the services that the handlers call.
//!
//! A service is called once by its name on the wire. A permission is a name without spaces, and is required once. An action
//! with a cache runs once for several calls, and one with a limit of crashes runs again, so both have to be declared
//! idempotent, too.

use std::collections::BTreeSet;

use syn::LitStr;

use crate::attr::ActionArguments;
use crate::errors::Errors;
use crate::http;
use crate::model::Declared;
use crate::wire_name::{self, is_wire_name};

/// Checks the names of the services that the handlers call. A name with a mistake is left out.
pub(crate) fn calls(given: Vec<LitStr>, errors: &mut Errors) -> Vec<LitStr> {
    let mut seen = BTreeSet::new();
    let mut calls = Vec::new();
    for service in given {
        let name = service.value();
        if !is_wire_name(&name) {
            errors.on(&service, wire_name::broken_rule(&name, "a service"));
        } else if seen.insert(name.clone()) {
            calls.push(service);
        } else {
            errors.on(
                &service,
                format_args!("`{name}` is given twice: keep one of them"),
            );
        }
    }
    calls
}

/// Checks the declarations of an action. A permission with a mistake is left out.
pub(crate) fn read(arguments: &ActionArguments, errors: &mut Errors) -> Declared {
    let mut seen = BTreeSet::new();
    let mut requires: Vec<LitStr> = Vec::new();
    for permission in &arguments.requires {
        let name = permission.value();
        if name.is_empty()
            || name.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        {
            errors.on(
                permission,
                format_args!("`{name}` is not a permission: write a name without spaces, such as `orders.write`"),
            );
        } else if seen.insert(name.clone()) {
            requires.push(permission.clone());
        } else {
            errors.on(
                permission,
                format_args!("`{name}` is required twice: keep one of them"),
            );
        }
    }
    if let Some((_, place)) = arguments.cache
        && !arguments.idempotent
    {
        errors.at(
            place,
            "`cache` needs `idempotent`, as one response answers several calls: add `idempotent`, or remove `cache`",
        );
    }
    if let Some((_, place)) = arguments.crash_limit
        && !arguments.idempotent
    {
        errors.at(
            place,
            "`crash_limit` needs `idempotent`, as no other action runs again after a crash: add `idempotent`, or remove `crash_limit`",
        );
    }
    Declared {
        requires,
        idempotent: arguments.idempotent,
        crash_limit: arguments.crash_limit.map(|(limit, _)| limit),
        cache: arguments.cache.map(|(time, _)| time),
        http: http::read(&arguments.http, errors),
    }
}
