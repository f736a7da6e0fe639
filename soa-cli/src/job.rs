//! `soa job`: calls in a file, one after another, where later ones use the results of earlier ones.
//!
//! ```yaml
//! steps:
//!   - call: users.find
//!     body: { id: "${id}" }
//!     as: user
//!   - call: mail.send
//!     body: { to: "${user.email}", text: "Hello, ${user.name}" }
//!     expect: { sent: true }
//! ```
//!
//! A text that is one `${…}` becomes the value itself; inside of a longer text it becomes text.

use std::time::Duration;

use serde_json::{Value as Json, json};
use soa_runtime::codec::{Map, Value};
use soa_runtime::message::{Switch, SwitchSet};
use soa_runtime::text;

use crate::arguments::JobArguments;
use crate::body::{self, Expected};
use crate::call::{told_error, told_schema};
use crate::called;
use crate::connect::Target;
use crate::failure::{Failure, Reason};
use crate::output::{Output, print};
use crate::progress::while_running;

/// The keys of a step.
const STEP_KEYS: [&str; 6] = ["call", "body", "as", "expect", "switches", "context"];

/// One call of the file.
#[derive(Debug)]
struct Step {
    call: String,
    body: Value,
    name: String,
    expected: Option<Expected>,
    switches: Vec<i64>,
    context: Map,
}

/// Reads the steps of a file.
///
/// # Errors
/// All mistakes at once.
fn read(file: &Value) -> Result<Vec<Step>, Failure> {
    let mut mistakes = Vec::new();
    let steps = match file {
        Value::List(steps) => Some(steps.as_slice()),
        Value::Map(map) => {
            for (key, _) in map.iter().filter(|(key, _)| key.as_str() != Some("steps")) {
                let key = key.as_str().unwrap_or_default();
                mistakes.push(format!("`{key}`: there is no such key; expected `steps`"));
            }
            map.get("steps").and_then(Value::as_list)
        }
        _ => None,
    };
    let steps = steps.unwrap_or_default();
    if steps.is_empty() {
        mistakes.push(
            "there are no `steps`: write a list of calls, each `- call: SERVICE.ACTION`".to_owned(),
        );
    }
    let mut read = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        match read_step(index, step, &mut mistakes) {
            Some(step) => read.push(step),
            None => continue,
        }
    }
    match mistakes.is_empty() {
        true => Ok(read),
        false => Err(Failure::usage(format!(
            "the file is wrong, and nothing was sent:\n  {}",
            mistakes.join("\n  ")
        ))
        .advise("`soa job --help` shows the form of the file")),
    }
}

fn read_step(index: usize, step: &Value, mistakes: &mut Vec<String>) -> Option<Step> {
    let place = format!("step {}", index + 1);
    let Some(map) = step.as_map() else {
        mistakes.push(format!("{place}: expected an object with `call`"));
        return None;
    };
    for (key, _) in map.iter() {
        let key = key.as_str().unwrap_or_default();
        if !STEP_KEYS.contains(&key) {
            let known = soa_program::settings::listed(STEP_KEYS.into_iter(), "or");
            mistakes.push(format!(
                "{place}: there is no key `{key}`; expected {known}"
            ));
        }
    }
    let call = map.get("call").and_then(Value::as_str);
    if call.is_none_or(|call| !call.contains('.')) {
        mistakes.push(format!("{place}: `call` must be SERVICE.ACTION"));
    }
    let body = map.get("body").cloned().unwrap_or(Value::Map(Map::new()));
    if body.as_map().is_none() {
        mistakes.push(format!("{place}: `body` must be an object"));
    }
    let switches = map.get("switches").map(|switches| {
        let switches = switches.as_list()?.iter().map(Value::as_i64);
        switches.collect::<Option<Vec<i64>>>()
    });
    if switches == Some(None) {
        mistakes.push(format!("{place}: `switches` must be a list of numbers"));
    }
    let context = map
        .get("context")
        .cloned()
        .unwrap_or(Value::Map(Map::new()));
    if context.as_map().is_none() {
        mistakes.push(format!("{place}: `context` must be an object"));
    }
    let name = match map.get("as") {
        None => (index + 1).to_string(),
        Some(name) => match name.as_str() {
            Some(name) => name.to_owned(),
            None => {
                mistakes.push(format!("{place}: `as` must be text"));
                return None;
            }
        },
    };
    Some(Step {
        call: call?.to_owned(),
        body,
        name,
        expected: map
            .get("expect")
            .map(|part| Expected::Part(body::json(part))),
        switches: switches.flatten().unwrap_or_default(),
        context: context.as_map().cloned().unwrap_or_default(),
    })
}

/// Replaces each `${path}` by what is known.
///
/// # Errors
/// The first path that leads nowhere.
fn filled(value: &Value, known: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::Text(text) => fill_text(text, known)?,
        Value::List(list) => {
            let list = list.iter().map(|value| filled(value, known));
            Value::List(list.collect::<Result<_, _>>()?)
        }
        Value::Map(map) => {
            let mut out = Map::new();
            for (key, value) in map.iter() {
                out.insert(key.clone(), filled(value, known)?);
            }
            Value::Map(out)
        }
        value => value.clone(),
    })
}

fn fill_text(text: &str, known: &Value) -> Result<Value, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((path, after)) = after.split_once('}') else {
            return Err(format!("`{text}` has a `${{` without a `}}`"));
        };
        let found = find(known, path).ok_or_else(|| {
            format!("`${{{path}}}` leads nowhere: no such result, field or `--set`")
        })?;
        if before.is_empty() && after.is_empty() && out.is_empty() {
            return Ok(found);
        }
        out += before;
        out += &match &found {
            Value::Text(text) => text.to_string(),
            value => text::write(value),
        };
        rest = after;
    }
    out += rest;
    Ok(out.into())
}

fn find(known: &Value, path: &str) -> Option<Value> {
    let mut place = known;
    for part in path.split('.') {
        place = match place {
            Value::List(list) => list.get(part.parse::<usize>().ok()?)?,
            value => value.get(part)?,
        };
    }
    Some(place.clone())
}

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: JobArguments,
) -> Result<(), Failure> {
    let place = match arguments.file.as_str() {
        "-" => "-".to_owned(),
        file => format!("@{file}"),
    };
    let steps = read(&body::parse("the file", &body::source(&place)?)?)?;
    let mut known = Value::Map(Map::new());
    for assignment in &arguments.values {
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(Failure::usage(format!(
                "`--set {assignment}` has no `=`: write `--set NAME=VALUE`"
            )));
        };
        let value = text::Plain::from_json(value);
        let value = value.map_or_else(|_| assignment_text(assignment), text::Plain::into_exact);
        body::set(&mut known, name, value)?;
    }
    let mut results = serde_json::Map::new();
    let mut outcome = Ok(());
    for step in &steps {
        let made = make(target, step, &known, arguments.timeout.get());
        match while_running("waiting for a response", made).await {
            Ok(response) => {
                results.insert(step.name.clone(), body::json(&response));
                if let Value::Map(map) = &mut known {
                    map.insert(step.name.as_str(), response);
                }
            }
            Err((told, failure)) => {
                if let Some(told) = told {
                    results.insert(step.name.clone(), told);
                }
                outcome = Err(failure);
                break;
            }
        }
    }
    let is_empty = results.is_empty();
    let results = Json::Object(results);
    match output.as_json {
        true => output.json(&results)?,
        false if is_empty => {}
        false => print(&format!("{results:#}"))?,
    }
    outcome
}

fn assignment_text(assignment: &str) -> Value {
    assignment
        .split_once('=')
        .map_or("", |(_, value)| value)
        .into()
}

/// Makes the call of a step. A failure comes with what the service answered, if it did.
async fn make(
    target: &Target,
    step: &Step,
    known: &Value,
    timeout: Duration,
) -> Result<Value, (Option<Json>, Failure)> {
    let of_step = |failure: Failure| (None, failure.at(&step.name));
    let wrong = |problem: String| of_step(Failure::usage(problem));
    let named = target.named(&step.call).await.map_err(of_step)?;
    let (named, action) = called::with_action(named).map_err(of_step)?;
    let given = filled(&step.body, known).map_err(wrong)?;
    let context = filled(&Value::Map(step.context.clone()), known).map_err(wrong)?;
    let reached = target.reach(&named.service).await.map_err(of_step)?;
    let switches: SwitchSet = step.switches.iter().copied().map(Switch::new).collect();
    let schema = told_schema(&reached, &named, &action, &switches, timeout).await;
    let body = match schema.map_err(of_step)? {
        Some(schema) => body::checked(&schema, &given, &[], &step.call).map_err(of_step)?,
        None => text::Plain::exact(given).into_value(),
    };
    let client = &reached.client;
    let mut call = client
        .call_action(named.service.clone(), action, &body)
        .timeout(timeout);
    for switch in &step.switches {
        call = call.switch(Switch::new(*switch));
    }
    for (key, value) in context.as_map().into_iter().flat_map(Map::iter) {
        let key = key.as_str().unwrap_or_default().to_owned();
        call = call.context(key, text::Plain::exact(value.clone()).into_value());
    }
    let response = match call.await {
        Ok(response) => response,
        Err(error) => {
            let failure = called::failed(&error, &reached, &named, timeout).await;
            let told = json!({ "error": told_error(&error) });
            return Err((Some(told), failure.at(&step.name)));
        }
    };
    let differences = step.expected.as_ref();
    let differences = differences.map(|expected| expected.differences(&response));
    match differences.filter(|found| !found.is_empty()) {
        None => Ok(response),
        Some(found) => {
            let message = format!("the response is not as expected:\n  {}", found.join("\n  "));
            let failure = Failure::new(Reason::Bad, message).at(&step.name);
            Err((Some(body::json(&response)), failure))
        }
    }
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    #[test]
    fn results_are_filled_in_as_values_and_as_text() {
        let known = value!({ "user": { "id": 7, "tags": ["a", "b"] } });
        let body = value!({ "id": "${user.id}", "text": "no. ${user.id}: ${user.tags.1}", "n": 1 });
        let expected = value!({ "id": 7, "text": "no. 7: b", "n": 1 });
        assert_eq!(filled(&body, &known), Ok(expected));
        for wrong in ["${user.name}", "${user", "${nobody}"] {
            assert!(filled(&value!(wrong), &known).is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_mistakes_of_a_file_are_told_at_once() {
        let file = body::parse(
            "the file",
            "steps:\n  - call: users\n  - call: a.b\n    body: 7\n    bdy: {}\n",
        );
        let failure = format!("{:?}", read(&file.unwrap()).unwrap_err());
        for part in [
            "step 1: `call`",
            "step 2: there is no key `bdy`",
            "step 2: `body`",
        ] {
            assert!(failure.contains(part), "{part} in {failure}");
        }
        assert!(read(&body::parse("the file", "{}").unwrap()).is_err());
    }
}
