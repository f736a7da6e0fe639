//! The commands `call` and `status`: one call, of a running server or in this process.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

use soa_runtime::client::{Client, ClientBuilder};
use soa_runtime::codec::Value;
use soa_runtime::introspection::Introspection;
use soa_runtime::message::{ContextHeader, Switch, SwitchSet};
use soa_runtime::schema::Schema;
use soa_runtime::server::{LocalTransport, Server};
use soa_runtime::text::{self, Plain, TextError};
use soa_runtime::{ErrorKind, value};

use super::advice::{UnknownAction, is_unknown_action};
use super::argument::CallArguments;
use super::failure::Failure;
use super::target::{self, Own};
use crate::settings::{ClientTransportSettings, Connections, Section, Settings};

/// Time limit of asking for the names of actions, after a call of one that does not exist.
const NAMES_TIMEOUT: Duration = Duration::from_secs(2);

/// Calls an action of a running server.
pub(super) async fn over_transport<S: Section>(
    own: Own,
    settings: &Settings<S>,
    arguments: &CallArguments,
) -> Result<String, Failure> {
    let body = body(&arguments.body)?;
    let in_settings = settings.server.name.as_deref();
    let named = arguments.service.as_deref();
    let (service, action) = own.target(named, in_settings, &arguments.action)?;
    let (service, action) = (service.to_owned(), action.to_owned());
    let client = with_context(connect(settings, &service).await?, arguments)?.build()?;
    let body = match body.as_map() {
        Some(entries) if !entries.is_empty() && !arguments.is_raw => {
            match told_schema(&client, &service, &action, arguments).await? {
                Some(schema) => body.read(&schema).map_err(unreadable)?,
                None => body.into_value(),
            }
        }
        _ => body.into_value(),
    };
    call(&client, service, &action, arguments, &body).await
}

/// Runs an action in this process. The client has the middleware of the settings, but neither routes nor connections.
pub(super) async fn in_process(
    services: &[Server],
    client: ClientBuilder,
    arguments: &CallArguments,
) -> Result<String, Failure> {
    let body = body(&arguments.body)?;
    let (server, action) = target::find(services, &arguments.action)?;
    let Some(action) = action else {
        let message = format!("which action of `{}`? Write SERVICE.ACTION", server.name());
        return Err(Failure::usage(message));
    };
    let service = server.name().to_owned();
    let schema = server.request_schema(action, &switches(arguments));
    let body = match schema.filter(|_| !arguments.is_raw) {
        Some(schema) => body.read(&schema).map_err(unreadable)?,
        None => body.into_value(),
    };
    let client = client.service(service.clone(), LocalTransport::new(server.clone()));
    let client = with_context(client, arguments)?.build()?;
    call(&client, service, action, arguments, &body).await
}

async fn call(
    client: &Client,
    service: String,
    action: &str,
    arguments: &CallArguments,
    body: &Value,
) -> Result<String, Failure> {
    let call = client.call_action(service.clone(), action.to_owned(), body);
    let response = match arguments.timeout {
        Some(timeout) => call.timeout(timeout.get()).await,
        None => call.await,
    };
    match response {
        Ok(response) => Ok(text::write(&response)),
        Err(error) if is_unknown_action(&error) => {
            let names = action_names(client, &service).await;
            Err(match names.is_empty() {
                true => error.into(),
                false => Failure::other(UnknownAction::new(error, action, names)),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks a service for the schema of the requests of an action. `None` if the service does not have the action, or does not
/// tell: then the body is sent as JSON says, and the service answers what is wrong with it.
async fn told_schema(
    client: &Client,
    service: &str,
    action: &str,
    arguments: &CallArguments,
) -> Result<Option<Schema>, Failure> {
    let wanted = value!({ "action_name": action });
    let asked = client.call_action(service.to_owned(), "introspect", &wanted);
    let told = match arguments.timeout {
        Some(timeout) => asked.timeout(timeout.get()).await,
        None => asked.await,
    };
    let problem = match told.map(Introspection::from_value) {
        Ok(Ok(told)) => return Ok(told.request_schema(action, &switches(arguments))),
        Ok(Err(error)) => error.to_string(),
        Err(error) if error.kind() == ErrorKind::Action || error.kind() == ErrorKind::Job => {
            let mut errors = error.errors().iter();
            if errors.any(|error| error.field.as_deref() == Some("action_name")) {
                return Ok(None);
            }
            error.to_string()
        }
        Err(error) => return Err(error.into()),
    };
    tracing::warn!(
        service,
        action,
        "the service does not tell the types of the action, so the body is sent as JSON says: {problem}"
    );
    Ok(None)
}

fn unreadable(error: TextError) -> Failure {
    Failure::usage(format!(
        "the body does not fit the action's types:\n{error}"
    ))
}

fn switches(arguments: &CallArguments) -> SwitchSet {
    let switches = arguments.switches.iter().copied();
    switches.map(Switch::new).collect()
}

/// Adds the switches and the context in the arguments.
fn with_context(
    client: ClientBuilder,
    arguments: &CallArguments,
) -> Result<ClientBuilder, Failure> {
    let mut client = client.switches(switches(arguments));
    for assignment in &arguments.context {
        let (key, text) = split(assignment, "`--context` needs KEY=VALUE")?;
        let value = context_value(key, text).map_err(Failure::usage)?;
        client = client.context(key, value);
    }
    for assignment in &arguments.context_text {
        let (key, text) = split(assignment, "`--context-text` needs KEY=TEXT")?;
        client = client.context(key, text);
    }
    Ok(client)
}

fn split<'a>(assignment: &'a str, mistake: &'static str) -> Result<(&'a str, &'a str), Failure> {
    assignment
        .split_once('=')
        .ok_or_else(|| Failure::usage(mistake))
}

/// Reads a value of the context: text for the framework's own keys, otherwise JSON if it is JSON.
///
/// # Errors
/// A number that would lose digits, which is a version rather than a number.
pub fn context_value(key: &str, text: &str) -> Result<Value, String> {
    let Ok(plain) = Plain::from_json(text) else {
        return Ok(text.into());
    };
    if ContextHeader::is_text_key(key) {
        return Ok(match plain.into_value() {
            Value::Text(quoted) => quoted.into(),
            _ => text.into(),
        });
    }
    let value = plain.into_value();
    let is_number = matches!(value, Value::Integer(_) | Value::Float(_));
    // A version is not a number, and nobody would notice that it lost a digit.
    if is_number && text::write(&value) != text.trim() {
        let number = text::write(&value);
        return Err(format!(
            "`--context {key}={text}` would become {number}: write `--context-text {key}={text}` for text, or \
             `--context {key}={number}` for the number"
        ));
    }
    Ok(value)
}

/// Asks a service for the names of its actions. Empty if it does not tell.
async fn action_names(client: &Client, service: &str) -> Vec<String> {
    let call = client.call_action(service.to_owned(), "introspect", &());
    let Ok(description) = call.timeout(NAMES_TIMEOUT).await else {
        return Vec::new();
    };
    let names = description.get("action_names").and_then(Value::as_list);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    // A variant is called by the name of its action.
    let names = names.map(|name| name.split('[').next().unwrap_or(name).to_owned());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Connects a client to one service, by its route, or by the transport of this program's own server. Its calls pass the
/// middleware of the settings.
async fn connect<S: Section>(
    settings: &Settings<S>,
    service: &str,
) -> Result<ClientBuilder, Failure> {
    let route = settings.route_of(service);
    let mut connections = Connections::default();
    if let ClientTransportSettings::Redis(redis) =
        route.transport_beside(&settings.server.transport)
    {
        connections.connect_redis(&redis).await?;
    }
    Ok(settings.client_of(service, &mut connections)?)
}

/// Parses the body in the arguments, or reads it from the standard input.
fn body(text: &str) -> Result<Plain, Failure> {
    let mut read = String::new();
    let text = match text {
        "-" => {
            let input = std::io::stdin().read_to_string(&mut read);
            input.map_err(Failure::other)?;
            &read
        }
        text => text,
    };
    let body = Plain::from_json(text)
        .map_err(|error| Failure::usage(format!("the body is not JSON: {error}")))?;
    match body.as_map() {
        Some(_) => Ok(body),
        None => Err(Failure::usage("the body must be a JSON object")),
    }
}

/// The software that a service is made with, from the keys of PySOA, in which a service of this framework has its own versions.
fn made_with<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Vec<(&'static str, String)> {
    let (conformity, python, pysoa) = (field("conformity"), field("python"), field("pysoa"));
    let rust = python.and_then(|python| python.strip_prefix("rust "));
    let own = conformity.and_then(|conformity| conformity.strip_prefix("soa "));
    match (own, rust) {
        (Some(own), Some(rust)) => {
            let protocol = pysoa.map(|version| ("protocol", format!("PySOA {version}")));
            let framework = ("framework", format!("soa {own}"));
            let language = ("language", format!("Rust {rust}"));
            [framework, language].into_iter().chain(protocol).collect()
        }
        _ => [
            ("framework", "PySOA", pysoa),
            ("language", "Python", python),
            ("validation", "Conformity", conformity),
        ]
        .into_iter()
        .filter_map(|(label, product, version)| Some((label, format!("{product} {}", version?))))
        .collect(),
    }
}

/// Asks a server for its status. Returns the text to print, and true if the status has no errors.
pub(super) async fn status<S: Section>(
    own: Own,
    settings: &Settings<S>,
    service: Option<String>,
    as_json: bool,
) -> Result<(String, bool), Failure> {
    let of_one = || {
        let in_settings = settings.server.name.as_deref();
        in_settings.or(Some(own.service()?.name()))
    };
    let service = service.as_deref().or_else(of_one);
    let service = service.map(str::to_owned).ok_or_else(|| {
        Failure::usage(
            "the status of which service? This program serves a component: write `status SERVICE`",
        )
    })?;
    let client = connect(settings, &service).await?.build()?;
    let status = client.call_action(service.clone(), "status", &()).await?;
    let (text, is_healthy) = told_status(&service, &status);
    match as_json {
        true => Ok((text::write(&status), is_healthy)),
        false => Ok((text, is_healthy)),
    }
}

/// Writes an answer of `status` for people. True if it has no errors.
pub fn told_status(service: &str, status: &Value) -> (String, bool) {
    let findings = |kind: &str| {
        let health = status.get("healthcheck");
        let list = health
            .and_then(|health| health.get(kind))
            .and_then(Value::as_list);
        list.unwrap_or_default()
    };
    let is_healthy = findings("errors").is_empty();
    let field = |key: &str| status.get(key).and_then(Value::as_str);
    let mut out = format!(
        "{service} {}",
        field("version").unwrap_or("(unknown version)")
    );
    if let Some(build) = field("build") {
        out += &format!(" ({build})");
    }
    out.push('\n');
    for (label, product) in made_with(field) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {label}: {product}");
    }
    for (kind, word) in [("errors", "error"), ("warnings", "warning")] {
        for finding in findings(kind) {
            let parts = finding.as_list().unwrap_or_default().iter();
            let parts: Vec<_> = parts.filter_map(Value::as_str).collect();
            let _ = writeln!(out, "  {word}: {}", parts.join(": "));
        }
    }
    let diagnostics = status
        .get("healthcheck")
        .and_then(|health| health.get("diagnostics"));
    if let Some(diagnostics) = diagnostics.filter(|found| found.is_truthy()) {
        let _ = writeln!(out, "  diagnostics: {}", text::write(diagnostics));
    }
    out += if is_healthy { "healthy" } else { "not healthy" };
    (out, is_healthy)
}
