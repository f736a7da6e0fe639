//! Commands on plain keys, each at most once.
//!
//! Unlike a push, such a command may fail for reasons that are its caller's alone: the login may lack it, the key may hold
//! another type, a script may end with an error. These are not held against the master or its connection, which serve all
//! others as before.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::{TransportError, TransportErrorKind};

use super::error::{Error, ErrorKind};
use super::failure::{explained, is_answer, is_cut, is_not_sent, is_outage, is_wrong_node, kind};
use super::limit::Limit;
use super::link::Link;
use super::script::Script;
use super::words::{Value, copied};
use super::{ability::is_lacking, failure::is_about_the_key};

/// The error of a command.
#[derive(Debug)]
pub(in super::super) struct CommandError {
    pub(in super::super) error: TransportError,
    /// True if it was not run, since this is not the master, or is not ready yet.
    pub(in super::super) is_retryable: bool,
    /// True if it may have been run, or not.
    pub(in super::super) is_unknown: bool,
    /// True if Redis has no memory for it.
    pub(in super::super) is_out_of_memory: bool,
    /// True if the login lacks the command or the key, or this Redis the command.
    pub(in super::super) is_lacking: bool,
    /// True if Redis does not know the script, so that it was not run.
    pub(in super::super) is_unknown_script: bool,
}

/// Time beyond its own time limit after which a command that waits counts as stuck.
const BLOCK_GRACE: Duration = Duration::from_secs(5);

impl Link {
    /// Sends a command whose first argument is `key`.
    pub(in super::super) async fn ask(
        &self,
        command: &'static str,
        key: &str,
        arguments: &[Bytes],
    ) -> Result<Value, CommandError> {
        let values = std::iter::once(copied(key))
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
    ) -> Result<Value, CommandError> {
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

    /// Has Redis know a script.
    pub(in super::super) async fn load(&self, script: &Script) -> Result<(), CommandError> {
        let loaded = self.load_text(script.variant(true)).await;
        self.answer(loaded, "SCRIPT", "LOAD").map(|_| ())
    }

    /// Sends commands about a key in one flush, each with its words. The first of them waits inside Redis for up to `block`;
    /// nothing for it is no error.
    ///
    /// To be awaited to its end where they take something away.
    pub(in super::super) async fn ask_all(
        &self,
        limit: &mut Limit,
        block: Duration,
        key: &Bytes,
        commands: Vec<(&'static str, Vec<Bytes>)>,
    ) -> Vec<Result<Value, CommandError>> {
        let names: Vec<_> = commands.iter().map(|(name, _)| *name).collect();
        let key = String::from_utf8_lossy(key);
        let commands = commands.into_iter();
        let commands =
            commands.map(|(name, words)| (name, words.into_iter().map(Value::Bytes).collect()));
        let sent = pin!(self.send_all(commands.collect()));
        let length = match block.is_zero() {
            true => self.command_timeout(),
            false => block + BLOCK_GRACE,
        };
        let answers = self.limited(limit, block, length, sent).await;
        let answers = answers.unwrap_or_else(|| {
            let late = |_: &&str| Err(Error::new(ErrorKind::Timeout, "the command timed out"));
            names.iter().map(late).collect()
        });
        let (is_waiting, mut is_told) = (!block.is_zero(), false);
        let answers = names.iter().zip(answers).enumerate();
        let answers = answers.map(|(place, (name, outcome))| match outcome {
            // With this the library says that there was nothing.
            Err(error)
                if is_waiting
                    && place == 0
                    && (error.kind() == ErrorKind::Timeout && self.is_ready()
                        || error.details().starts_with("UNBLOCKED")) =>
            {
                Ok(Value::Nil)
            }
            // A connection that was cut is no news, and the first failure tells for all.
            Err(error) if is_cut(&error) || std::mem::replace(&mut is_told, true) => {
                Err(self.command_error(&error, name, &key))
            }
            outcome => {
                is_told = outcome.is_err();
                self.answer(outcome, name, &key)
            }
        });
        answers.collect()
    }

    fn answer(
        &self,
        outcome: Result<Value, Error>,
        command: &str,
        key: &str,
    ) -> Result<Value, CommandError> {
        let error = match outcome {
            Ok(value) => {
                self.works();
                return Ok(value);
            }
            Err(error) => error,
        };
        if is_outage(&error) {
            self.note(&error);
        }
        Err(self.command_error(&error, command, key))
    }

    /// The error of a command.
    fn command_error(&self, error: &Error, command: &str, key: &str) -> CommandError {
        let (kind, what) = described(error, command, key);
        let message = format!("Redis at {}: {what}", self.node());
        CommandError {
            is_retryable: is_wrong_node(error)
                || is_not_sent(error)
                || error.details().starts_with("LOADING"),
            is_unknown: !is_answer(error) && !is_not_sent(error),
            is_out_of_memory: error.details().contains("OOM"),
            is_unknown_script: error.details().starts_with("NOSCRIPT"),
            is_lacking: is_lacking(error)
                || error.details().contains("NOPERM")
                || error.details().contains("ACL failure")
                || error.details().contains("can't access"),
            error: TransportError::new(kind, message).with_source(explained(error)),
        }
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
    } else if error.kind() == ErrorKind::Timeout {
        let what = format!("{command} on the key `{key}` timed out; it may have been run, or not");
        (TransportErrorKind::Transient, what)
    } else {
        (kind(error), format!("{command} on the key `{key}` failed"))
    }
}
