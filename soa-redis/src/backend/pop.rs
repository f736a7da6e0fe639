//! Taking messages from lists.
//!
//! A pop waits inside Redis for the first of some lists that has a message; a sweep takes what is there of many lists. Both
//! have to be awaited to their ends: Redis hands what they take to a connection, whether or not somebody still listens
//! there. Only [`Link::unblock`], from another link, ends a pop early. A frame is copied out of the read buffer if
//! it is small, so that it does not keep the whole of it.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;

use super::error::{Error, ErrorKind};
use super::failure::{is_about_the_key, is_cut};
use super::limit::Limit;
use super::link::Link;
use super::script::Script;
use super::words::{Value, integer, word};
use crate::pop_size::POP_SIZE;

/// Size up to which frames are copied out of the read buffer, which would otherwise live as long as the last of them.
const COPIED_SIZE: usize = 64 * 1024;

/// Size of an answer above which the connection is replaced, as its buffer stays as large.
const MAX_BUFFERED_SIZE: usize = 16 * 1024 * 1024;

/// Time beyond its own time limit after which a pop counts as stuck.
const POP_GRACE: Duration = Duration::from_secs(5);

/// Shortest time for a pop to block. Redis takes 0 for ever.
const LEAST_BLOCK: Duration = Duration::from_millis(10);

/// Time for a pop to block that cannot be ended early.
const UNSTOPPABLE_BLOCK: Duration = Duration::from_millis(100);

/// The error of a pop; the log has the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum PopError {
    /// One of the keys holds another type than a list, or the login may not use it.
    NotAList,
    /// Anything else.
    Failed,
}

/// The messages that a pop took from a list.
#[derive(Debug)]
pub(in super::super) struct Popped {
    pub(in super::super) key: Bytes,
    pub(in super::super) frames: Vec<Bytes>,
}

impl Link {
    /// Takes up to `count` messages from the first of these lists that has some, waiting for up to `block`, or not at
    /// all for nothing. A login that could not end the wait early waits shorter.
    ///
    /// To be awaited to its end: dropping it loses a message.
    pub(in super::super) async fn pop(
        &self,
        limit: &mut Limit,
        keys: &[Bytes],
        count: usize,
        block: Duration,
    ) -> Result<Option<Popped>, PopError> {
        let abilities = self.abilities();
        let block = if abilities.unblock {
            block
        } else {
            block.min(UNSTOPPABLE_BLOCK)
        };
        let pop = async {
            match keys {
                [key] if block.is_zero() && abilities.lpop => self.pop_now(key, count).await,
                _ if abilities.blmpop => self.pop_many(keys, count, block).await,
                _ => self.pop_first(keys, count, block, abilities.lpop).await,
            }
        };
        let pop = pin!(pop);
        let Some(outcome) = self.limited(limit, block, block + POP_GRACE, pop).await else {
            self.note(&Error::new(
                ErrorKind::Timeout,
                "a blocking pop got no answer",
            ));
            return Ok(None);
        };
        let popped = match outcome {
            Ok(popped) => popped,
            // With this an encrypted connection says that there was nothing.
            Err(error) if error.kind() == ErrorKind::Timeout => None,
            Err(error) if error.details().starts_with("UNBLOCKED") => None,
            Err(error) => return Err(self.failed_pop(&error)),
        };
        self.works();
        self.shrink(popped.iter());
        Ok(popped)
    }

    fn failed_pop(&self, error: &Error) -> PopError {
        // A connection that was cut is no news, unless there is no other one. Then that is told.
        if !is_cut(error) {
            self.note(error);
        }
        if !is_about_the_key(error) {
            return PopError::Failed;
        }
        // Nothing can be taken from the other keys, either.
        self.failed(error);
        PopError::NotAList
    }

    /// Takes up to `count` messages from these lists, as many as are there, without waiting, and fewer where they are large.
    ///
    /// To be awaited to its end: dropping it loses messages.
    pub(in super::super) async fn sweep(
        &self,
        limit: &mut Limit,
        script: &Script,
        keys: &[Bytes],
        count: usize,
    ) -> Result<Vec<Popped>, PopError> {
        let variant = script.variant(self.abilities().lpop);
        let arguments = [count, POP_SIZE].map(|number| Bytes::from(number.to_string()));
        let swept = match self.evaluate(limit, variant, keys, &arguments).await {
            Ok(swept) => swept,
            Err(error) => return Err(self.failed_pop(&error)),
        };
        self.works();
        let Value::List(swept) = swept else {
            return Ok(Vec::new());
        };
        let mut swept = swept.into_iter();
        let mut popped = Vec::new();
        while let (Some(place), Some(Value::List(frames))) = (swept.next(), swept.next()) {
            let place = place.number().and_then(|place| place.checked_sub(1));
            let place = place.and_then(|place| usize::try_from(place).ok());
            if let Some(key) = place.and_then(|place| keys.get(place)) {
                popped.push(Popped {
                    key: key.clone(),
                    frames: frames.into_iter().filter_map(frame).collect(),
                });
            }
        }
        self.shrink(popped.iter());
        Ok(popped)
    }

    /// Has another link opened after a large answer, as the buffer of this one stays as large.
    fn shrink<'a>(&self, popped: impl Iterator<Item = &'a Popped>) {
        let frames = popped.flat_map(|popped| &popped.frames);
        if frames.map(Bytes::len).sum::<usize>() > MAX_BUFFERED_SIZE {
            self.replace();
        }
    }

    async fn pop_now(&self, key: &Bytes, count: usize) -> Result<Option<Popped>, Error> {
        let arguments = vec![Value::Bytes(key.clone()), integer(count)];
        let Value::List(frames) = self.send("LPOP", arguments).await? else {
            return Ok(None);
        };
        let frames = frames.into_iter().filter_map(frame).collect();
        let key = key.clone();
        Ok(Some(Popped { key, frames }))
    }

    async fn pop_many(
        &self,
        keys: &[Bytes],
        count: usize,
        block: Duration,
    ) -> Result<Option<Popped>, Error> {
        let mut arguments = vec![seconds(block), integer(keys.len())];
        arguments.extend(keys.iter().cloned().map(Value::Bytes));
        arguments.extend([word("LEFT"), word("COUNT"), integer(count)]);
        let Value::List(answer) = self.send("BLMPOP", arguments).await? else {
            return Ok(None);
        };
        let mut answer = answer.into_iter();
        let (Some(key), Some(Value::List(frames))) = (answer.next(), answer.next()) else {
            return Ok(None);
        };
        let frames = frames.into_iter().filter_map(frame).collect();
        Ok(key.into_bytes().map(|key| Popped { key, frames }))
    }

    /// Pops from a Redis before version 7, or for a login that may not use BLMPOP.
    async fn pop_first(
        &self,
        keys: &[Bytes],
        count: usize,
        block: Duration,
        has_lpop: bool,
    ) -> Result<Option<Popped>, Error> {
        let mut arguments: Vec<Value> = keys.iter().cloned().map(Value::Bytes).collect();
        arguments.push(seconds(block));
        let Value::List(answer) = self.send("BLPOP", arguments).await? else {
            return Ok(None);
        };
        let mut answer = answer.into_iter();
        let Some(key) = answer.next().and_then(Value::into_bytes) else {
            return Ok(None);
        };
        let mut frames: Vec<Bytes> = answer.filter_map(frame).collect();
        if count > 1 && has_lpop {
            let arguments = vec![Value::Bytes(key.clone()), integer(count - 1)];
            // What the first pop brought is delivered even when this one fails.
            let more = self.send("LPOP", arguments).await;
            if let Ok(Value::List(more)) = more {
                frames.extend(more.into_iter().filter_map(frame));
            }
        }
        Ok(Some(Popped { key, frames }))
    }

    /// Ends the blocking pop of another link early, if one waits.
    pub(in super::super) async fn unblock(&self, other: &Self) {
        let Some(id) = other.id() else {
            return;
        };
        let words = vec![word("UNBLOCK"), Value::Integer(id), word("TIMEOUT")];
        // It is tried again until the pop has ended.
        let _ = self.command("CLIENT", words).await;
    }

    /// Deletes a list, in a way that is open to every login.
    pub(in super::super) async fn delete(&self, key: &Bytes) {
        let arguments = vec![Value::Bytes(key.clone()), Value::Integer(0)];
        // It expires anyway.
        let _ = self.command("EXPIRE", arguments).await;
    }

    /// The number of messages in a list; `None` if Redis does not tell.
    pub(in super::super) async fn length(&self, key: &Bytes) -> Option<usize> {
        let length = self.command("LLEN", vec![Value::Bytes(key.clone())]).await;
        usize::try_from(length.ok()?.number()?).ok()
    }

    /// True if a key holds another type than a list.
    pub(in super::super) async fn is_another_type(&self, key: &Bytes) -> bool {
        let length = self.command("LLEN", vec![Value::Bytes(key.clone())]).await;
        length.is_err_and(|error| error.details().starts_with("WRONGTYPE"))
    }
}

/// The time for a pop to block, as Redis takes it.
fn seconds(block: Duration) -> Value {
    word(block.max(LEAST_BLOCK).as_secs_f64().to_string())
}

fn frame(value: Value) -> Option<Bytes> {
    let frame = value.into_bytes()?;
    if frame.len() <= COPIED_SIZE {
        return Some(Bytes::copy_from_slice(&frame));
    }
    Some(frame)
}
