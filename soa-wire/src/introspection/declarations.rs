//! The declarations of an action, as `introspect` tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::codec::{Map, Value, to_value};
use crate::declared::{Declared, HttpDeclared, ResultForm};
use crate::descriptor::{ActionDescriptor, ErrorDescriptor};

/// The declarations of an action besides its types. A field is there only if there is something to tell.
#[derive(Debug, Serialize)]
struct Declarations {
    /// True if it is deprecated
    #[serde(skip_serializing_if = "is_false")]
    deprecated: bool,
    /// True if a second run has no further effect
    #[serde(skip_serializing_if = "is_false")]
    idempotent: bool,
    /// The permissions that a caller needs, sorted
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    requires: BTreeSet<String>,
    /// The time limit of the action, in seconds
    timeout: Option<f64>,
    /// The time for which callers may reuse a response, in seconds
    cache: Option<f64>,
    /// The errors that it declares; it may answer with others, too
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<DeclaredError>,
    /// Its routes over HTTP, each a method and a path below the prefix of the service
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<String>,
    /// The field of the response that is the result over HTTP, if it is told
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    /// True if the whole response is the result, although it has one field
    #[serde(skip_serializing_if = "is_false")]
    result_is_whole: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Debug, Serialize)]
struct DeclaredError {
    /// The code
    code: &'static str,
    /// The message, with variables in braces
    message: &'static str,
    /// The field at fault, with variables in braces
    field: Option<&'static str>,
    /// True if the caller is at fault
    is_caller_error: bool,
    /// The schemas of its variables, by name; nil if unknown
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variables: BTreeMap<&'static str, Option<Value>>,
}

impl From<&ErrorDescriptor> for DeclaredError {
    fn from(error: &ErrorDescriptor) -> Self {
        let variables = error.variables().iter().map(|variable| {
            let schema = variable.schema().and_then(|schema| schema.introspect());
            (variable.name(), schema)
        });
        Self {
            code: error.code(),
            message: error.message(),
            field: error.field(),
            is_caller_error: error.is_caller_error(),
            variables: variables.collect(),
        }
    }
}

/// Describes what an action declares, and the permissions that a server requires for it; the map is empty if that is
/// nothing.
pub fn declarations(action: Option<&ActionDescriptor>, required: BTreeSet<String>) -> Map {
    let declared = action.map(ActionDescriptor::declared);
    let own = declared.map_or(&[][..], |declared| declared.required_permissions());
    let own = own.iter().map(|permission| (*permission).to_owned());
    let errors = action.map_or(&[][..], ActionDescriptor::declared_errors);
    let http = declared.map(Declared::for_http);
    let routes = http.map_or(&[][..], HttpDeclared::all_routes).iter();
    let result = http.map(HttpDeclared::result_form).unwrap_or_default();
    let seconds = |time: Duration| time.as_secs_f64();
    let declarations = Declarations {
        deprecated: action.is_some_and(ActionDescriptor::is_deprecated),
        idempotent: declared.is_some_and(Declared::is_idempotent),
        requires: own.chain(required).collect(),
        timeout: action.and_then(ActionDescriptor::time_limit).map(seconds),
        cache: declared.and_then(Declared::cache_time).map(seconds),
        errors: errors.iter().map(DeclaredError::from).collect(),
        routes: routes
            .map(|route| format!("{} {}", route.method().as_str(), route.path()))
            .collect(),
        result: match result {
            ResultForm::Field(name) => Some(name),
            ResultForm::Unwrapped | ResultForm::Whole => None,
        },
        result_is_whole: result == ResultForm::Whole,
    };
    match to_value(&declarations) {
        Ok(Value::Map(map)) => map,
        _ => Map::new(), // It is a map of texts and numbers.
    }
}
