//! The command `introspect`: describes the actions of a service, for people or as JSON.

use std::fmt::Write as _;

use soa_runtime::client::Client;
use soa_runtime::codec::{Map, Value};
use soa_runtime::server::{LocalTransport, Server};
use soa_runtime::text;

use super::advice::UnknownAction;
use super::failure::Failure;
use super::target;

/// Indentation of one level.
const INDENT: &str = "  ";

/// Describes the services of a program, one of them, or one action.
pub(super) async fn introspect(
    services: &[Server],
    argument: Option<&str>,
    as_json: bool,
) -> Result<String, Failure> {
    let (of_all, action) = match argument {
        Some(argument) => {
            let (server, action) = target::find(services, argument)?;
            (std::slice::from_ref(server), action)
        }
        None => (services, None),
    };
    if let [only] = of_all {
        return introspect_one(only.clone(), action.map(str::to_owned), as_json).await;
    }
    let mut told = Vec::with_capacity(of_all.len());
    for server in of_all {
        let text = introspect_one(server.clone(), None, as_json).await?;
        told.push(match as_json {
            true => format!("\"{}\": {text}", server.name()),
            false => text,
        });
    }
    Ok(match as_json {
        true => format!("{{{}}}", told.join(", ")),
        false => told.join("\n"),
    })
}

/// Describes a service, or one of its actions.
async fn introspect_one(
    server: Server,
    action: Option<String>,
    as_json: bool,
) -> Result<String, Failure> {
    let title = format!("{} {}", server.name(), server.version());
    let service = server.name().to_owned();
    let names = server.action_names().into_iter().map(str::to_owned);
    let names = names.collect();
    let client = Client::builder()
        .service(service.clone(), LocalTransport::new(server))
        .build()?;
    let mut body = Map::new();
    if let Some(action) = &action {
        body.insert("action_name", action.as_str());
    }
    let description = client.call_action(service, "introspect", &body).await;
    let description = description.map_err(|error| match action {
        Some(action) if !error.errors().is_empty() => {
            Failure::other(UnknownAction::new(error, &action, names))
        }
        _ => error.into(),
    })?;
    Ok(match as_json {
        true => text::write(&description),
        false => described(&title, &description),
    })
}

/// Describes what `introspect` answers, for people, below a title.
pub fn described(title: &str, description: &Value) -> String {
    let mut out = format!("{title}\n");
    paragraph(&mut out, description.get("documentation"), 1);
    let actions = description.get("actions").and_then(Value::as_map);
    for (name, action) in actions.into_iter().flat_map(Map::iter) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n{}", name.as_str().unwrap_or_default());
        paragraph(&mut out, action.get("documentation"), 1);
        write_calls(&mut out, action);
        write_declared(&mut out, action);
        for (side, key) in [
            ("request", "request_schema"),
            ("response", "response_schema"),
        ] {
            match action.get(key).filter(|schema| schema.as_map().is_some()) {
                Some(schema) => {
                    let _ = writeln!(out, "{INDENT}{side}: {}", kind(schema));
                    write_fields(&mut out, schema, 2);
                }
                None => {
                    let _ = writeln!(out, "{INDENT}{side}: anything");
                }
            }
        }
    }
    out
}

/// Writes documentation, indented.
fn paragraph(out: &mut String, text: Option<&Value>, depth: usize) {
    for line in text
        .and_then(Value::as_str)
        .into_iter()
        .flat_map(str::lines)
    {
        let _ = writeln!(out, "{}{}", INDENT.repeat(depth), line.trim());
    }
}

/// Writes which services the handlers call. `introspect` has it, as it is about all actions.
fn write_calls(out: &mut String, action: &Value) {
    let schema = action.get("request_schema");
    let service = schema.and_then(|schema| schema.get("service"));
    let calls = service.and_then(|service| service.get("calls"));
    let calls = calls.and_then(Value::as_list).unwrap_or_default().iter();
    let calls: Vec<_> = calls.filter_map(Value::as_str).collect();
    if !calls.is_empty() {
        let _ = writeln!(out, "{INDENT}this service calls {}", calls.join(", "));
    }
}

/// Writes what an action declares besides its types.
fn write_declared(out: &mut String, action: &Value) {
    let schema = action.get("request_schema");
    let Some(declared) = schema.and_then(|schema| schema.get("action")) else {
        return;
    };
    let mut words = Vec::new();
    for key in ["deprecated", "idempotent"] {
        if declared.get(key).and_then(Value::as_bool) == Some(true) {
            words.push(key.to_owned());
        }
    }
    for (key, word) in [("timeout", "timeout"), ("cache", "may be cached for")] {
        if let Some(seconds) = declared.get(key).and_then(Value::as_f64) {
            words.push(format!("{word} {seconds} s"));
        }
    }
    let requires = declared.get("requires").and_then(Value::as_list);
    let requires = requires.unwrap_or_default().iter();
    let requires: Vec<_> = requires.filter_map(Value::as_str).collect();
    if !requires.is_empty() {
        words.push(format!("requires {}", requires.join(", ")));
    }
    if !words.is_empty() {
        let _ = writeln!(out, "{INDENT}{}", words.join("; "));
    }
    let routes = declared.get("routes").and_then(Value::as_list);
    for route in routes.unwrap_or_default().iter().filter_map(Value::as_str) {
        let _ = writeln!(out, "{INDENT}{route}");
    }
    if let Some(result) = declared.get("result").and_then(Value::as_str) {
        let _ = writeln!(out, "{INDENT}result over HTTP: `{result}`");
    }
    if declared.get("result_is_whole").and_then(Value::as_bool) == Some(true) {
        let _ = writeln!(out, "{INDENT}result over HTTP: the whole response");
    }
    let errors = declared.get("errors").and_then(Value::as_list);
    let text = |error: &Value, key| error.get(key).and_then(Value::as_str).map(str::to_owned);
    for error in errors.unwrap_or_default() {
        let code = text(error, "code").unwrap_or_default();
        let field = text(error, "field").map(|field| format!(" at `{field}`"));
        let message = text(error, "message").unwrap_or_default();
        let field = field.unwrap_or_default();
        let _ = writeln!(out, "{INDENT}error {code}{field}: {message}");
    }
}

/// Describes a type in a few words.
pub fn kind(schema: &Value) -> String {
    let name = schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("anything");
    let mut words = match (name, schema.get("nullable"), schema.get("contents")) {
        ("nullable", Some(inner), _) => format!("{} or nil", kind(inner)),
        ("list", _, Some(inner)) => format!("list of {}", kind(inner)),
        ("any", _, _) => {
            let options = schema.get("options").and_then(Value::as_list);
            let options = options.unwrap_or_default().iter().map(kind);
            options.collect::<Vec<_>>().join(" or ")
        }
        ("constant", _, _) => {
            let values = schema.get("values").and_then(Value::as_list);
            let values = values.unwrap_or_default().iter().map(text::write);
            values.collect::<Vec<_>>().join(" or ")
        }
        (name, _, _) => word(name).to_owned(),
    };
    for (key, word) in [
        ("gt", "over"),
        ("gte", "from"),
        ("lt", "under"),
        ("lte", "to"),
        ("min_length", "length from"),
        ("max_length", "length to"),
    ] {
        if let Some(limit) = schema.get(key) {
            let _ = write!(words, ", {word} {}", text::write(limit));
        }
    }
    words
}

/// The word for a type of Conformity, most of which are named after types of Python.
fn word(name: &str) -> &str {
    match name {
        "unicode" => "text",
        "dictionary" | "schemaless_dictionary" => "object",
        "float" => "number",
        "datetime" => "date and time",
        "currint.Amount" => "amount of money",
        "polymorph" => "one of several objects",
        name => name,
    }
}

/// Writes the fields of the dictionaries in a type.
fn write_fields(out: &mut String, schema: &Value, depth: usize) {
    match schema.get("contents") {
        Some(Value::Map(fields))
            if schema.get("type").and_then(Value::as_str) == Some("dictionary") =>
        {
            let optional = schema.get("optional_keys").and_then(Value::as_list);
            for (name, field) in fields.iter() {
                let is_optional = optional.is_some_and(|keys| keys.contains(name));
                let mark = if is_optional { "?" } else { "" };
                let name = name.as_str().unwrap_or_default();
                let _ = write!(out, "{}{name}{mark}: {}", INDENT.repeat(depth), kind(field));
                match field.get("description").and_then(Value::as_str) {
                    Some(description) => {
                        let _ = writeln!(out, " -- {}", description.replace('\n', " "));
                    }
                    None => out.push('\n'),
                }
                write_fields(out, field, depth + 1);
            }
        }
        Some(inner) => write_fields(out, inner, depth),
        None => {
            if let Some(inner) = schema.get("nullable") {
                write_fields(out, inner, depth);
            }
        }
    }
}
