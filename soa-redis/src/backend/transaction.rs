//! Pushes as transactions, which Redis carries out only if a process was not given up for dead meanwhile.
//!
//! ```text
//! WATCH burnt, ZSCORE burnt process            it is not given up, and nobody does so unseen
//! MULTI, RPUSH, PEXPIRE, DEL, HDEL, EXEC       nothing of it is done if somebody did
//! WATCH burnt, ZSCORE burnt process            in the same flush, for the next push
//! ```
//!
//! A script does the same, and looks at the process itself. But what it pushes goes through Lua, which costs Redis about as
//! much as all other work for a response. A transaction uses the watch up. So there is one at a time on a connection, and
//! scripts do what comes meanwhile, and what a transaction was refused.

use std::pin::pin;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;

use super::ability::is_lacking;
use super::error::{Error, ErrorKind};
use super::limit::Limit;
use super::link::Link;
use super::push::{PushError, Pushed, push_commands, timed_out};
use super::resp::Answer;
use super::watched::{State, Watched};
use super::words::{Value, word};

/// A process, and the key of those that were given up for dead.
#[derive(Clone, Debug)]
pub(in super::super) struct Fence {
    pub(in super::super) process: Bytes,
    pub(in super::super) burnt: Bytes,
}

impl Fence {
    /// The commands that set the watch, and ask for what was before it.
    fn commands(&self) -> [(&'static str, Vec<Value>); 2] {
        let (burnt, process) = (word(self.burnt.clone()), word(self.process.clone()));
        [
            ("WATCH", vec![burnt.clone()]),
            ("ZSCORE", vec![burnt, process]),
        ]
    }
}

impl Link {
    /// Pushes messages, and runs the commands that end the holds on their requests, if the process is not given up. The list
    /// is known to be one, and lives for `lifetime` (ms) at least. `None` if nothing was done, and a script has to do it.
    pub(in super::super) async fn push_watched(
        &self,
        limit: &mut Limit,
        fence: &Fence,
        key: &str,
        lifetime: &Bytes,
        messages: &[Bytes],
        ends: [(&'static str, Vec<Bytes>); 2],
    ) -> Option<Result<Pushed, PushError>> {
        let wire = self.wire()?;
        if !self.watch(|watched| watched.take(&fence.process)) {
            return None;
        }
        let mut commands = vec![("MULTI", Vec::new())];
        commands.extend(push_commands(key, lifetime, messages));
        commands.extend(ends.into_iter().map(|(name, words)| {
            let words = words.into_iter().map(word);
            (name, words.collect())
        }));
        let place = commands.len();
        commands.push(("EXEC", Vec::new()));
        commands.extend(fence.commands());
        let sent = pin!(wire.send_all(&commands));
        let answers = self.limited(limit, Duration::ZERO, self.command_timeout(), sent);
        let mut answers = answers.await.unwrap_or_default();
        let set = answers.split_off((place + 1).min(answers.len()));
        let outcome = answers.pop().unwrap_or_else(|| Err(timed_out()));
        let state = match answers.iter().chain([&outcome]).any(is_refused) {
            true => State::Refused,
            false => state(&set),
        };
        self.watch(|watched| watched.end(state));
        let length = length(outcome, answers)?;
        let pushed = length.map_err(|error| self.failed_push(error));
        Some(pushed.map(|length| {
            self.works();
            Pushed {
                taken: i64::try_from(messages.len()).unwrap_or(i64::MAX),
                length: length.try_into().ok(),
            }
        }))
    }

    /// Sets the watch for pushes to come, if nobody has it, and the login may begin a transaction and carry it out.
    pub(in super::super) async fn set_watch(&self, limit: &mut Limit, fence: &Fence) {
        let Some(wire) = self.wire() else {
            return;
        };
        if !self.abilities().raise || !self.watch(|watched| watched.begin(&fence.process)) {
            return;
        }
        // One that may begin and not end, since there is no command for it, would swallow all further commands.
        let alone = [("EXEC", Vec::new())];
        let [watch, process] = fence.commands();
        let all = [("MULTI", Vec::new()), ("EXEC", Vec::new()), watch, process];
        let sent = pin!(async {
            let ended = wire.send_all(&alone).await;
            match ended.iter().any(is_refused) {
                true => ended,
                false => wire.send_all(&all).await,
            }
        });
        let answers = self.limited(limit, Duration::ZERO, self.command_timeout(), sent);
        let answers = answers.await.unwrap_or_default();
        self.watch(|watched| watched.end(state(&answers)));
    }

    fn watch<T>(&self, with: impl FnOnce(&mut Watched) -> T) -> T {
        // Nothing panics while this is held.
        let watched = self.watched().lock();
        with(&mut watched.unwrap_or_else(PoisonError::into_inner))
    }
}

/// The length of the list after a transaction, of which these are the outcome and the answers before it. `None` if nothing was
/// done.
fn length(outcome: Answer, answers: Vec<Answer>) -> Option<Result<i64, Error>> {
    let first = match outcome {
        Ok(Value::List(results)) => results.into_iter().next(),
        // The process was given up, or another one: the script looks.
        Ok(_) => return None,
        Err(error) if error.details().starts_with("EXECABORT") => return None,
        // The login has just lost the right to begin a transaction, so each command was run by itself.
        Err(error) if error.details().contains("without MULTI") => {
            Some(answers.into_iter().nth(1)?.ok()?)
        }
        Err(error) => return Some(Err(error)),
    };
    // There is nothing else that a push in a transaction fails of.
    let no_list = "WRONGTYPE the key holds no list any more";
    let no_list = || Error::new(ErrorKind::InvalidArgument, no_list);
    let length = first.and_then(|length| length.number());
    Some(length.ok_or_else(no_list))
}

/// True if the login may not run the command. Of the end of a transaction, Redis says it in other words.
fn is_refused(answer: &Answer) -> bool {
    answer.as_ref().is_err_and(|error| {
        let text = error.details();
        is_lacking(error) || text.starts_with("EXECABORT") && text.contains("NOPERM")
    })
}

/// The state after the commands that set a watch, of which the last asks for the process.
fn state(answers: &[Answer]) -> State {
    if answers.iter().any(is_refused) {
        State::Refused
    } else if answers.iter().all(Result::is_ok) && matches!(answers.last(), Some(Ok(Value::Nil))) {
        State::Set
    } else {
        State::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_set_when_all_commands_were_run_and_the_process_is_not_given_up() {
        let done = || Ok(word("OK"));
        let failed = |text: &'static str| Err(Error::new(ErrorKind::Unknown, text));
        let refused = "NOPERM this user has no permissions to run the 'watch' command";
        assert_eq!(state(&[done(), Ok(Value::Nil)]), State::Set);
        assert_eq!(state(&[done(), Ok(word("12"))]), State::Missing);
        assert_eq!(state(&[]), State::Missing);
        assert_eq!(state(&[failed("LOADING"), Ok(Value::Nil)]), State::Missing);
        assert_eq!(state(&[failed(refused), Ok(Value::Nil)]), State::Refused);
    }
}
