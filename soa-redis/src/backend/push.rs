//! Pushing messages: by scripts, or by plain commands where these do.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::TransportError;

use super::ability;
use super::error::{Error, ErrorKind};
use super::failure::{self, is_answer, is_final, kind};
use super::limit::Limit;
use super::link::Link;
use super::script::{Script, Variant};
use super::words::{Value, copied, integer, word};

/// Largest number of times that a script is loaded for one run of it.
const LOADS: usize = 3;

/// The error of a push, by its effect.
#[derive(Debug)]
pub(in super::super) enum PushError {
    /// Nothing was pushed.
    Refused(TransportError),
    /// Nothing was pushed, and a retry fails as well: the key holds another type, or the login lacks a right.
    Final(TransportError),
    /// It may have been pushed, or not.
    Unknown(TransportError),
}

/// A push that Redis has confirmed.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Pushed {
    /// Number of messages that were taken, from the first one on. Less than none is the answer of the script that also ends the
    /// holds on requests, when it has pushed nothing.
    pub(in super::super) taken: i64,
    /// Length of the list then, if it is known.
    pub(in super::super) length: Option<u64>,
}

impl Link {
    /// Runs a script that pushes to the first of these keys and returns how many messages it took, and the length of the
    /// list, at most once.
    pub(in super::super) async fn push(
        &self,
        limit: &mut Limit,
        script: &Script,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Pushed, PushError> {
        let answer = self.answer_of(limit, script, keys, arguments).await?;
        let numbers = answer.into_list();
        let mut numbers = numbers.iter().map(|number| number.number().unwrap_or(0));
        let taken = numbers.next().unwrap_or(0);
        let length = numbers.next().and_then(|length| length.try_into().ok());
        Ok(Pushed { taken, length })
    }

    /// Appends all messages to a list that is known to be one, without a look at its length. The list lives for `lifetime`
    /// (ms) at least.
    pub(in super::super) async fn push_unchecked(
        &self,
        limit: &mut Limit,
        key: &str,
        lifetime: &Bytes,
        messages: &[Bytes],
    ) -> Result<Pushed, PushError> {
        let count = messages.len();
        let commands = push_commands(key, lifetime, messages);
        let sent = pin!(self.send_all(commands.into()));
        let answers = self.limited(limit, Duration::ZERO, self.command_timeout(), sent);
        let mut answers = answers.await.unwrap_or_default().into_iter();
        let length = answers.next().unwrap_or_else(|| Err(timed_out()));
        let length = length.and_then(|length| length.number().ok_or_else(unexpected));
        let length = length.map_err(|error| self.failed_push(error))?;
        self.works();
        for error in answers.filter_map(Result::err) {
            self.note(&error);
        }
        Ok(Pushed {
            taken: i64::try_from(count).unwrap_or(i64::MAX),
            length: length.try_into().ok(),
        })
    }

    /// Runs a script that returns a number on one key, at most once.
    pub(in super::super) async fn run(
        &self,
        limit: &mut Limit,
        script: &Script,
        key: &str,
        arguments: Vec<Bytes>,
    ) -> Result<i64, PushError> {
        let key = [Bytes::copy_from_slice(key.as_bytes())];
        self.run_on(limit, script, &key, &arguments).await
    }

    /// The same on several keys.
    pub(in super::super) async fn run_on(
        &self,
        limit: &mut Limit,
        script: &Script,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<i64, PushError> {
        let number = self.answer_of(limit, script, keys, arguments).await?;
        Ok(number.number().unwrap_or(0))
    }

    async fn answer_of(
        &self,
        limit: &mut Limit,
        script: &Script,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Value, PushError> {
        let variant = script.variant(self.abilities().times);
        let answer = self.evaluate(limit, variant, keys, arguments).await;
        let answer = answer.map_err(|error| self.failed_push(error))?;
        self.works();
        Ok(answer)
    }

    /// Runs a script by its digest, and sends its text to a Redis that does not know it, since it was started again, or its
    /// scripts were removed. It has not run it then.
    pub(super) async fn evaluate(
        &self,
        limit: &mut Limit,
        variant: &Variant,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Value, Error> {
        let (digest, text) = (&variant.digest, &variant.text);
        let mut outcome = self.call(limit, "EVALSHA", digest, keys, arguments).await;
        for _ in 0..LOADS {
            match &outcome {
                Err(error) if error.details().starts_with("NOSCRIPT") => {}
                _ => break,
            }
            if self.abilities().eval {
                return self.call(limit, "EVAL", text, keys, arguments).await;
            }
            // Somebody may remove it in between, again and again.
            self.load_text(variant).await?;
            outcome = self.call(limit, "EVALSHA", digest, keys, arguments).await;
        }
        outcome
    }

    /// Has Redis know the text of a script.
    pub(super) async fn load_text(&self, variant: &Variant) -> Result<Value, Error> {
        let words = vec![word("LOAD"), word(variant.text.clone())];
        self.command("SCRIPT", words).await
    }

    async fn call(
        &self,
        limit: &mut Limit,
        name: &'static str,
        script: &Bytes,
        keys: &[Bytes],
        arguments: &[Bytes],
    ) -> Result<Value, Error> {
        let words = keys.iter().chain(arguments).cloned().map(Value::Bytes);
        let words: Vec<Value> = [word(script.clone()), integer(keys.len())]
            .into_iter()
            .chain(words)
            .collect();
        let answer = pin!(self.send(name, words));
        let answer = self.limited(limit, Duration::ZERO, self.command_timeout(), answer);
        answer.await.unwrap_or_else(|| Err(timed_out()))
    }

    pub(super) fn failed_push(&self, error: Error) -> PushError {
        let since = self.condition().since();
        self.note(&error);
        let node = self.node();
        let refused = format!("Redis at {node} refused a message");
        let is_lacking = ability::is_lacking(&error);
        let failed = |message: String, error: &Error| {
            TransportError::new(kind(error), message).with_source(failure::explained(error))
        };
        // The rights of the login have changed: they are probed again, and other commands may do. If that was done since,
        // there is nothing more to try.
        let is_probed = since.is_some_and(|since| self.was_probed_since(since));
        if is_lacking && !is_probed {
            PushError::Refused(failed(refused, &error))
        } else if is_lacking || is_final(&error) {
            PushError::Final(failed(refused, &error))
        } else if is_answer(&error) {
            PushError::Refused(failed(refused, &error))
        } else if failure::is_not_sent(&error) {
            let message = format!("a message was not sent to Redis at {node}");
            PushError::Refused(failed(message, &error))
        } else {
            let message = format!(
                "Redis at {node} did not confirm a message: it may have been queued, or not"
            );
            PushError::Unknown(failed(message, &error))
        }
    }
}

/// The commands that append messages to a list: a longer time to live stays, and a list that is new gets one.
pub(super) fn push_commands(
    key: &str,
    lifetime: &Bytes,
    messages: &[Bytes],
) -> [(&'static str, Vec<Value>); 3] {
    let key = copied(key);
    let expire = |condition: &'static str| {
        let words = vec![key.clone(), word(lifetime.clone()), word(condition)];
        ("PEXPIRE", words)
    };
    let messages = messages.iter().cloned().map(word);
    let push = std::iter::once(key.clone()).chain(messages);
    [("RPUSH", push.collect()), expire("GT"), expire("NX")]
}

/// The error of an answer that is not of its command.
fn unexpected() -> Error {
    Error::new(ErrorKind::Protocol, "the answer to a push is no length")
}

/// The error of a command without an answer in time.
pub(super) fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "the command timed out")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the future that a function of these arguments returns.
    fn size<A, B, C, D, F>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// It is moved into those around it for each push. With the futures of the client library in it, it had 28 KB.
    #[test]
    fn the_future_of_a_push_is_small() {
        let push = |(link, limit): (&'static Link, &'static mut Limit),
                    script: &'static Script,
                    key: &'static str,
                    arguments| link.run(limit, script, key, arguments);
        let size = size(push);
        assert!(size < 1_500, "{size} bytes");
    }
}
