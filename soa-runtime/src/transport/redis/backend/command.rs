//! Commands on plain keys, each at most once.
//!
//! Unlike a push, such a command may fail for reasons that are its caller's alone: the login may lack it, the key may hold
//! another type, a script may end with an error. These are not held against the master or its connection, which serve all
//! others as before.

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::types::Value;

use super::failure::{explained, is_outage, is_wrong_node, kind};
use super::limit::Limit;
use super::link::Link;
use super::script::Script;
use super::{ability::is_lacking, failure::is_about_the_key};
use crate::error::{TransportError, TransportErrorKind};
use crate::transport::redis::value::RedisValue;

/// The error of a command.
#[derive(Debug)]
pub(in super::super) struct CommandError {
    pub(in super::super) error: TransportError,
    /// True if it was not run, since this is not the master, or is not ready yet.
    pub(in super::super) is_retryable: bool,
}

impl Link {
    /// Sends a command whose first argument is `key`.
    pub(in super::super) async fn ask(
        &self,
        command: &'static str,
        key: &str,
        arguments: &[Bytes],
    ) -> Result<RedisValue, CommandError> {
        let values = std::iter::once(Value::from(key))
            .chain(arguments.iter().cloned().map(Value::Bytes))
            .collect();
        let outcome = self.command(command, values).await;
        self.answer(outcome, command, key)
    }

    /// Runs a script on these keys. A Redis that does not know it gets its text.
    pub(in super::super) async fn ask_script(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[Bytes],
    ) -> Result<RedisValue, CommandError> {
        let names = keys
            .iter()
            .map(|key| Bytes::copy_from_slice(key.as_bytes()));
        let names: Vec<_> = names.collect();
        let variant = script.variant(true);
        let outcome = self
            .evaluate(&mut Limit::new(), variant, &names, arguments)
            .await;
        self.answer(
            outcome,
            "a script",
            keys.first().copied().unwrap_or_default(),
        )
    }

    fn answer(
        &self,
        outcome: Result<Value, Error>,
        command: &str,
        key: &str,
    ) -> Result<RedisValue, CommandError> {
        let error = match outcome {
            Ok(value) => {
                self.works();
                return Ok(answer(value));
            }
            Err(error) => error,
        };
        if is_outage(&error) {
            self.note(&error);
        }
        let (kind, what) = described(&error, command, key);
        let message = format!("Redis at {}: {what}", self.node());
        Err(CommandError {
            is_retryable: is_wrong_node(&error) || error.details().starts_with("LOADING"),
            error: TransportError::new(kind, message).with_source(explained(&error)),
        })
    }
}

/// The kind of an error for callers, and its description.
fn described(error: &Error, command: &str, key: &str) -> (TransportErrorKind, String) {
    let details = error.details();
    if is_lacking(error) {
        let what = format!(
            "permission denied: the login may not run {command}, or this Redis does not have it"
        );
        (TransportErrorKind::Misconfigured, what)
    } else if details.contains("WRONGTYPE") {
        let what = format!("wrong type: {command} does not fit what the key `{key}` holds");
        (TransportErrorKind::Misconfigured, what)
    } else if is_about_the_key(error) || details.contains("ACL failure") {
        let what = format!("permission denied: the login may not use the key `{key}`");
        (TransportErrorKind::Misconfigured, what)
    } else if *error.kind() == ErrorKind::Timeout {
        let what = format!("{command} on the key `{key}` timed out; it may have been run, or not");
        (TransportErrorKind::Transient, what)
    } else {
        (kind(error), format!("{command} on the key `{key}` failed"))
    }
}

fn answer(value: Value) -> RedisValue {
    match value {
        Value::Null | Value::Queued => RedisValue::Nil,
        Value::Boolean(is_true) => RedisValue::Integer(i64::from(is_true)),
        Value::Integer(number) => RedisValue::Integer(number),
        Value::Double(number) => RedisValue::Bytes(number.to_string().into()),
        Value::String(text) => RedisValue::Bytes(text.into_inner()),
        Value::Bytes(bytes) => RedisValue::Bytes(bytes),
        Value::Array(values) => RedisValue::List(values.into_iter().map(answer).collect()),
        Value::Map(map) => {
            let pairs = map.inner().into_iter();
            let pairs = pairs.flat_map(|(key, value)| [Value::from(key), value]);
            RedisValue::List(pairs.map(answer).collect())
        }
    }
}
