//! The answers of an operation: its success, the errors that it declares, and those of every request.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use soa_runtime::ErrorDescriptor;
use soa_wire::WireError;

use super::types::Types;
use crate::reply::JSON;
use crate::status;

/// The form of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{"detail": …}`
    Rest,
    /// `{"errors": […]}`
    Call,
}

/// The answers to an operation.
#[derive(Debug)]
pub(super) struct Answers<'a> {
    pub(super) form: Form,
    pub(super) success: (u16, Json),
    pub(super) declared: &'a [ErrorDescriptor],
    /// True if a request can be wrong.
    pub(super) has_input: bool,
    /// True if callers have to say who they are.
    pub(super) authenticates: bool,
    /// True if callers need permissions.
    pub(super) requires: bool,
}

impl Answers<'_> {
    /// Returns the answers by their statuses.
    pub(super) fn write(self, types: &mut Types) -> Json {
        let mut by_status: BTreeMap<u16, Vec<Told<'_>>> = BTreeMap::new();
        for error in self.declared {
            let told = Told::of(error);
            let status = status_of(error, self.declared);
            by_status.entry(status).or_default().push(told);
        }
        if self.authenticates || self.requires {
            let message = "Nobody is known by the token, it has expired, or there is none";
            let told = Told::new(soa_wire::code::ACCESS_DENIED, message);
            by_status.entry(401).or_default().push(told);
        }
        if self.requires {
            let message = "The caller does not have the permissions";
            let told = Told::new(soa_wire::code::NOT_AUTHORIZED, message);
            by_status.entry(403).or_default().push(told);
        }
        let mut answers: BTreeMap<u16, Json> = by_status
            .into_iter()
            .map(|(status, errors)| (status, self.failure(&errors, status, types)))
            .collect();
        if self.has_input {
            let refusal = || json!({ "description": "Fields of the request are wrong" });
            let answer = answers.entry(422).or_insert_with(refusal);
            self.add_refusal(answer, types);
        }
        let (status, success) = self.success;
        answers.insert(status, success);
        let answers = answers.into_iter();
        let answers = answers.map(|(status, answer)| (status.to_string(), answer));
        Json::Object(answers.collect())
    }

    /// Returns the answer for the errors of one status.
    fn failure(&self, errors: &[Told<'_>], status: u16, types: &mut Types) -> Json {
        let line = |error: &Told<'_>| format!("`{}`: {}", error.code, error.message);
        let description = match errors {
            [only] => line(only),
            several => {
                let lines = several.iter().map(|error| format!("* {}", line(error)));
                lines.collect::<Vec<_>>().join("\n")
            }
        };
        let mut examples = Map::new();
        for error in errors {
            let value = match self.form {
                Form::Rest => json!({ "detail": error.message }),
                Form::Call => json!({ "errors": [{
                    "code": error.code,
                    "message": error.message,
                    "field": error.field,
                    "traceback": null,
                    "variables": null,
                    "denied_permissions": null,
                    "is_caller_error": status < 500,
                }] }),
            };
            let example = json!({ "summary": error.message, "value": value });
            examples.entry(component_key(error.code)).or_insert(example);
        }
        let schema = match self.form {
            Form::Rest => detail(types),
            Form::Call => call_errors(types),
        };
        let mut answer = json!({
            "description": description,
            "content": { JSON: { "schema": schema, "examples": examples } },
        });
        let mut headers = Map::new();
        for (name, value) in errors.iter().flat_map(|error| error.headers) {
            let header = json!({ "schema": { "type": "string" }, "example": value });
            headers.entry(*name).or_insert(header);
        }
        if let (false, Some(answer)) = (headers.is_empty(), answer.as_object_mut()) {
            answer.insert("headers".to_owned(), Json::Object(headers));
        }
        answer
    }

    /// Adds the answer to requests whose fields are wrong to what else has its status.
    fn add_refusal(&self, answer: &mut Json, types: &mut Types) {
        let refusal = match self.form {
            Form::Rest => validation_error(types),
            Form::Call => call_errors(types),
        };
        let other = answer.pointer("/content/application~1json/schema").cloned();
        let schema = match other {
            Some(other) if other != refusal => json!({ "anyOf": [refusal, other] }),
            _ => refusal,
        };
        let Some(answer) = answer.as_object_mut() else {
            return;
        };
        let content = answer
            .entry("content")
            .or_insert_with(|| json!({ JSON: {} }));
        if let Some(content) = content.get_mut(JSON).and_then(Json::as_object_mut) {
            content.insert("schema".to_owned(), schema);
        }
    }
}

/// An error as a document tells it.
#[derive(Debug)]
struct Told<'a> {
    code: &'a str,
    message: &'a str,
    field: Option<&'a str>,
    headers: &'a [(&'a str, &'a str)],
}

impl<'a> Told<'a> {
    fn new(code: &'a str, message: &'a str) -> Self {
        Self {
            code,
            message,
            field: None,
            headers: &[],
        }
    }

    fn of(error: &'a ErrorDescriptor) -> Self {
        Self {
            code: error.code(),
            message: error.message(),
            field: error.field(),
            headers: error.headers(),
        }
    }
}

/// Returns the status that an answer with this error has.
fn status_of(error: &ErrorDescriptor, declared: &[ErrorDescriptor]) -> u16 {
    let (code, message) = (error.code(), error.message());
    let sent = match error.is_caller_error() {
        true => WireError::caller(code, message),
        false => WireError::server(code, message),
    };
    let sent = match error.field() {
        Some(field) => sent.with_field(field),
        None => sent,
    };
    status::of(&sent, declared).as_u16()
}

/// Returns a code as the key of an example.
fn component_key(code: &str) -> String {
    let is_allowed = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    let letters = code.chars();
    letters
        .map(|one| if is_allowed(one) { one } else { '_' })
        .collect()
}

/// Returns an answer with a value of JSON.
pub(super) fn json_answer(description: &str, schema: Json) -> Json {
    json!({ "description": description, "content": { JSON: { "schema": schema } } })
}

/// An error of REST.
fn detail(types: &mut Types) -> Json {
    types.own("HTTPError", |_| {
        json!({
            "type": "object",
            "properties": { "detail": { "type": "string" } },
            "required": ["detail"],
        })
    })
}

/// The errors of the fields of a request of REST.
fn validation_error(types: &mut Types) -> Json {
    types.own("HTTPValidationError", |types| {
        let error = types.own("ValidationError", |_| {
            json!({
                "type": "object",
                "properties": {
                    "type": { "type": "string", "description": "Kind of the error", "examples": ["missing"] },
                    "loc": {
                        "type": "array",
                        "description": "Place of the error: `path`, `query` or `body`, and the steps from there",
                        "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }] },
                        "examples": [["query", "limit"]],
                    },
                    "msg": { "type": "string", "description": "Text of the error" },
                    "input": { "description": "Value that was sent" },
                    "ctx": { "type": "object", "description": "Details of some kinds" },
                },
                "required": ["type", "loc", "msg"],
            })
        });
        json!({
            "type": "object",
            "properties": { "detail": { "type": "array", "items": error } },
            "required": ["detail"],
        })
    })
}

/// The errors of a call by name.
pub(super) fn call_errors(types: &mut Types) -> Json {
    types.own("CallErrors", |_| {
        let optional = |kind: &str| json!({ "anyOf": [{ "type": kind }, { "type": "null" }] });
        json!({
            "type": "object",
            "properties": { "errors": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "code": { "type": "string", "description": "Code of the error, which does not change" },
                    "message": { "type": "string", "description": "Text of the error" },
                    "field": { "anyOf": [{ "type": "string" }, { "type": "null" }],
                        "description": "Path of the field at fault, with dots between the steps" },
                    "traceback": optional("string"),
                    "variables": { "anyOf": [{ "type": "object" }, { "type": "null" }] },
                    "denied_permissions": { "anyOf": [
                        { "type": "array", "items": { "type": "string" } },
                        { "type": "null" },
                    ] },
                    "is_caller_error": { "type": "boolean", "description": "True if the caller is at fault" },
                },
                "required": ["code", "message"],
            } } },
            "required": ["errors"],
        })
    })
}
