//! Completions: of commands and flags, and of the names of services, actions and fields, which Redis and the services tell.
//!
//! A shell waits while a line is completed, so that nothing takes long here: where Redis or a service does not answer at once,
//! there are no names.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;
use soa_runtime::codec::{Map, Value};

use crate::called::{self, Named};
use crate::connect::Target;
use crate::failure::{Failure, Reason};
use crate::output::print;

/// Longest time that a shell waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// Prints the script that registers this program with a shell.
pub(crate) fn print_script(shell: Shell) -> Result<(), Failure> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let failed = |why: String| Failure::new(Reason::Bad, format!("completions for {name}: {why}"));
    let completer = shells
        .completer(&name)
        .ok_or_else(|| failed("this shell is not known".to_owned()))?;
    let mut script = Vec::new();
    completer
        .write_registration("COMPLETE", "soa", "soa", "soa", &mut script)
        .map_err(|error| failed(error.to_string()))?;
    print(&String::from_utf8_lossy(&script))
}

/// The words of the line that is completed.
fn words() -> Vec<String> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// The value of a flag in the line that is completed.
fn flag(words: &[String], name: &str) -> Option<String> {
    let with_value = format!("{name}=");
    for (index, word) in words.iter().enumerate() {
        if let Some(value) = word.strip_prefix(&with_value) {
            return Some(value.to_owned());
        }
        if word == name {
            return words.get(index + 1).cloned();
        }
    }
    None
}

/// The place of the services, by the line that is completed and the environment.
fn target() -> Target {
    let words = words();
    Target {
        redis: flag(&words, "--redis"),
        settings: flag(&words, "--settings").map(Into::into),
        http: flag(&words, "--http"),
        json: false,
    }
}

/// Runs a question for as long as a shell waits.
fn asked<T: Default>(question: impl Future<Output = Option<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return T::default();
    };
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, question).await });
    runtime.shutdown_background();
    answer.ok().flatten().unwrap_or_default()
}

async fn names() -> Option<Vec<String>> {
    let redis = target().connect("completions").await.ok()?;
    Some(redis.names().await.ok()?.into_iter().collect())
}

fn matching(all: Vec<String>, current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    all.into_iter()
        .filter(|name| name.starts_with(&*current))
        .map(CompletionCandidate::new)
        .collect()
}

/// Names of services.
pub(crate) fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(asked(names()), current)
}

/// Names of services, and of actions once a service is written.
pub(crate) fn targets(current: &OsStr) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy().into_owned();
    let all = asked(async {
        let names = names().await.unwrap_or_default();
        let Some((service, _)) = text.rsplit_once('.') else {
            return Some(names);
        };
        let reached = target().reach(service).await.ok()?;
        let actions = called::action_names(&reached.client, service, PATIENCE).await;
        let actions = actions
            .into_iter()
            .map(|action| format!("{service}.{action}"));
        // A name of a service may have a dot, too.
        Some(actions.chain(names).collect())
    });
    matching(all, current)
}

/// Fields of the action in the line, each with `=`.
pub(crate) fn fields(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let position = words.iter().position(|word| word == "call");
    let rest = position.map_or(&[][..], |position| {
        words.get(position + 1..).unwrap_or_default()
    });
    let written = rest
        .iter()
        .find(|word| word.contains('.') && !word.starts_with('-'));
    let Some((service, action)) = written.and_then(|word| word.rsplit_once('.')) else {
        return Vec::new();
    };
    let named = Named {
        service: service.to_owned(),
        action: Some(action.to_owned()),
    };
    let paths = asked(async {
        let reached = target().reach(&named.service).await.ok()?;
        let told = called::introspect(&reached.client, &named, PATIENCE)
            .await
            .ok()?;
        let actions = told.get("actions").and_then(Value::as_map)?;
        let mut paths = Vec::new();
        for (_, action) in actions.iter() {
            if let Some(schema) = action.get("request_schema") {
                fields_of(schema, "", &mut paths);
            }
        }
        Some(paths)
    });
    matching(paths, current)
}

fn fields_of(schema: &Value, path: &str, paths: &mut Vec<String>) {
    let schema = schema.get("nullable").unwrap_or(schema);
    let is_object = schema.get("type").and_then(Value::as_str) == Some("dictionary");
    let Some(fields) = schema.get("contents").and_then(Value::as_map) else {
        return;
    };
    for (name, field) in Map::iter(fields).filter(|_| is_object) {
        let path = format!("{path}{}", name.as_str().unwrap_or_default());
        paths.push(format!("{path}="));
        fields_of(field, &format!("{path}."), paths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_the_line_is_the_one_that_is_asked() {
        let words = ["soa", "call", "--redis=127.0.0.1:1", "--settings", "a.toml"];
        let words = words.map(str::to_owned).to_vec();
        assert_eq!(flag(&words, "--redis").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(flag(&words, "--settings").as_deref(), Some("a.toml"));
        assert_eq!(flag(&words, "--http"), None);
    }
}
