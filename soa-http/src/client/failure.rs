//! Statuses that are no success, as errors of the wire.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::response::Parts;
use axum::http::{HeaderName, StatusCode};
use soa_runtime::ErrorDescriptor;
use soa_wire::{Value, WireError, code};

/// The greatest length of a body in an error.
const MAX_TEXT: usize = 1024;

/// The errors of a call that its server did not run, or whose failure the status says.
#[derive(Debug)]
pub(super) enum Failure {
    /// The job was refused before its action was called.
    Job(WireError),
    Action(Vec<WireError>),
}

impl Failure {
    /// Reads a response whose status is no success.
    pub(super) fn of(head: &Parts, body: &[u8], declared: &[ErrorDescriptor]) -> Self {
        let value = match std::str::from_utf8(body).map(soa_wire::text::Plain::from_json) {
            Ok(Ok(json)) => Some(json.into_exact()),
            _ => None,
        };
        let detail = value.as_ref().and_then(|value| value.get("detail"));
        if let Some(errors) = value.as_ref().and_then(errors_of) {
            return Self::Action(with_status(errors, head));
        }
        if let Some(Value::List(wrong)) = detail {
            let errors: Vec<WireError> = wrong.iter().map(of_field).collect();
            if !errors.is_empty() {
                return Self::Action(errors);
            }
        }
        let told = detail.and_then(Value::as_str).map(str::to_owned);
        let text = told.unwrap_or_else(|| text(head.status, body));
        let status = head.status;
        match status {
            StatusCode::UNAUTHORIZED if is_about_a_token(head) => {
                return Self::Job(with_answer(
                    WireError::caller(code::ACCESS_DENIED, text),
                    head,
                ));
            }
            StatusCode::SERVICE_UNAVAILABLE if !is_declared(status, declared) => {
                return Self::Job(with_answer(WireError::server(code::OVERLOADED, text), head));
            }
            _ => {}
        }
        let mut fitting = declared
            .iter()
            .filter(|one| one.status() == Some(status.as_u16()));
        let code = match (fitting.next(), fitting.next()) {
            (Some(only), None) => only.code(),
            _ => code_of(status),
        };
        let error = match status.is_client_error() {
            true => WireError::caller(code, text),
            false => WireError::server(code, text),
        };
        Self::Action(vec![with_answer(error, head)])
    }
}

/// True if the action itself answers with this status.
fn is_declared(status: StatusCode, declared: &[ErrorDescriptor]) -> bool {
    declared
        .iter()
        .any(|one| one.status() == Some(status.as_u16()))
}

/// The code of a status whose error has none.
fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => code::ACCESS_DENIED,
        StatusCode::FORBIDDEN => code::NOT_AUTHORIZED,
        StatusCode::NOT_FOUND => code::NOT_FOUND,
        StatusCode::GATEWAY_TIMEOUT => code::ACTION_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE => code::REQUEST_TOO_LARGE,
        status if status.is_client_error() => code::INVALID,
        _ => code::REMOTE_ERROR,
    }
}

/// True if the server refused the token, before it called anything.
fn is_about_a_token(head: &Parts) -> bool {
    let challenge = head.headers.get(WWW_AUTHENTICATE);
    let challenge = challenge.and_then(|value| value.to_str().ok());
    challenge.is_some_and(|challenge| challenge.contains("invalid_token"))
}

/// True if an error says that the token has expired.
pub(super) fn is_of_an_expired_token(error: &WireError) -> bool {
    let headers = error.http().map_or(&[][..], |answer| &answer.headers);
    let mut challenges = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(WWW_AUTHENTICATE.as_str()));
    challenges.any(|(_, value)| value.contains("invalid_token") && value.contains("expired"))
}

/// Reads the errors of a door of this framework: `{"errors": […]}`.
pub(super) fn errors_of(body: &Value) -> Option<Vec<WireError>> {
    let errors = body.get("errors")?.as_list()?;
    let errors: Vec<WireError> = errors.iter().filter_map(error_of).collect();
    (!errors.is_empty()).then_some(errors)
}

pub(super) fn error_of(told: &Value) -> Option<WireError> {
    let text = |key: &str| told.get(key).and_then(Value::as_str).map(str::to_owned);
    let (code, message) = (text("code")?, text("message")?);
    let is_caller_error = told.get("is_caller_error").and_then(Value::as_bool);
    let mut error = match is_caller_error.unwrap_or(true) {
        true => WireError::caller(code, message),
        false => WireError::server(code, message),
    };
    error.field = text("field");
    error.traceback = text("traceback");
    error.variables = match told.get("variables") {
        Some(Value::Map(variables)) => Some(variables.clone()),
        _ => None,
    };
    error.denied_permissions = told.get("denied_permissions").and_then(|denied| {
        let denied = denied.as_list()?.iter();
        Some(
            denied
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect(),
        )
    });
    Some(error)
}

/// Reads an error of validation: `{"type": …, "loc": ["query", "times"], "msg": …}`.
fn of_field(told: &Value) -> WireError {
    let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = match text("type") {
        "missing" => code::MISSING,
        _ => code::INVALID,
    };
    let error = WireError::caller(code, text("msg").to_owned());
    let place = told.get("loc").and_then(Value::as_list).unwrap_or_default();
    let steps: Vec<String> = place.iter().skip(1).map(soa_wire::text::write).collect();
    match steps.is_empty() {
        true => error,
        false => error.with_field(steps.join(".")),
    }
}

fn with_status(errors: Vec<WireError>, head: &Parts) -> Vec<WireError> {
    let errors = errors.into_iter();
    errors.map(|error| with_answer(error, head)).collect()
}

fn with_answer(error: WireError, head: &Parts) -> WireError {
    let error = error.with_http_status(head.status.as_u16());
    let told: [HeaderName; 2] = [WWW_AUTHENTICATE, RETRY_AFTER];
    told.into_iter().fold(error, |error, name| {
        match head
            .headers
            .get(&name)
            .and_then(|value| value.to_str().ok())
        {
            Some(value) => error.with_http_header(name.as_str(), value),
            None => error,
        }
    })
}

fn text(status: StatusCode, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body.get(..MAX_TEXT).unwrap_or(body));
    // It is shown in logs, where a line break would look like another line.
    let body = body.replace(char::is_control, " ");
    match body.trim() {
        "" => format!("The server answered {status}"),
        text => format!("The server answered {status}: {text}"),
    }
}
