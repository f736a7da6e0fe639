//! `soa describe`: what a service tells about itself by `introspect`.

use std::fmt::Write as _;

use soa_program::cli::{described, kind};
use soa_runtime::codec::{Map, Value};
use soa_runtime::text;

use crate::arguments::DescribeArguments;
use crate::called;
use crate::connect::Target;
use crate::failure::Failure;
use crate::output::{Output, harmless_lines, print};
use crate::progress::while_running;

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: DescribeArguments,
) -> Result<(), Failure> {
    let named = target.named(&arguments.target).await?;
    let reached = target.reach(&named.service).await?;
    let timeout = arguments.timeout.get();
    let asked = called::introspect(&reached.client, &named, timeout);
    let description = match while_running("waiting for the description", asked).await {
        Ok(description) => description,
        Err(error) => return Err(called::failed(&error, &reached, &named, timeout).await),
    };
    if output.as_json {
        return print(&text::write(&description));
    }
    if arguments.markdown {
        return print(&harmless_lines(&markdown(&named.service, &description)));
    }
    print(&harmless_lines(&described(&named.service, &description)))
}

/// Describes a service as a page of Markdown.
fn markdown(service: &str, description: &Value) -> String {
    let mut out = format!("# {service}\n");
    let paragraph = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default().trim();
        match text.is_empty() {
            true => String::new(),
            false => format!("\n{text}\n"),
        }
    };
    out += &paragraph(description.get("documentation"));
    let actions = description.get("actions").and_then(Value::as_map);
    for (name, action) in actions.into_iter().flat_map(Map::iter) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n## `{}`", name.as_str().unwrap_or_default());
        out += &paragraph(action.get("documentation"));
        for (title, key) in [
            ("Request", "request_schema"),
            ("Response", "response_schema"),
        ] {
            let _ = writeln!(out, "\n### {title}\n");
            match action.get(key).filter(|schema| schema.as_map().is_some()) {
                Some(schema) => {
                    let mut rows = Vec::new();
                    rows_of(schema, "", &mut rows);
                    if rows.is_empty() {
                        let _ = writeln!(out, "{}", escaped(&kind(schema)));
                    } else {
                        out += "| field | type | | |\n|---|---|---|---|\n";
                        out += &rows.concat();
                    }
                }
                None => out += "Anything.\n",
            }
        }
    }
    out
}

/// Writes a row for each field of the objects in a schema.
fn rows_of(schema: &Value, path: &str, rows: &mut Vec<String>) {
    let is_object = schema.get("type").and_then(Value::as_str) == Some("dictionary");
    match schema.get("contents") {
        Some(Value::Map(fields)) if is_object => {
            let optional = schema.get("optional_keys").and_then(Value::as_list);
            for (name, field) in fields.iter() {
                let is_optional = optional.is_some_and(|keys| keys.contains(name));
                let need = if is_optional { "optional" } else { "required" };
                let path = format!("{path}{}", name.as_str().unwrap_or_default());
                let about = field.get("description").and_then(Value::as_str);
                rows.push(format!(
                    "| `{path}` | {} | {need} | {} |\n",
                    escaped(&kind(field)),
                    escaped(about.unwrap_or_default())
                ));
                rows_of(field, &format!("{path}."), rows);
            }
        }
        Some(inner) => rows_of(inner, &format!("{path}*."), rows),
        None => {
            if let Some(inner) = schema.get("nullable") {
                rows_of(inner, path, rows);
            }
        }
    }
}

/// A text inside of a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
