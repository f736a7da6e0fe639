//! The ways to push a batch of messages to a list.
//!
//! ```text
//! the list may be full                       a script, which looks
//! it was less than half full just now        plain commands
//! requests are held that this answers        a script, which also looks whether this process was given up, and ends the holds
//! the same, and these end whole slots        a transaction that deletes the slots, if a watch is set
//! ```
//!
//! What goes through a script costs Redis more than twice as much.

use std::sync::Arc;

use bytes::Bytes;

use super::backend::{Fence, Limit, Link, PushError, Pushed};
use super::backlog::Waiting;
use super::hold::{Life, Place};
use super::hold_keys::{SCRIPTS, number};
use super::master::MasterConnection;
use super::message::Receipt;
use super::scripts::PushScripts;

/// The answer to a push of a process that was given up.
pub(super) const FENCED: i64 = -1;

/// The answer to a push that does not fit, if there is room for none; one less for each message that there is room for.
const SHORT: i64 = -2;

impl Pushed {
    /// Returns the number of messages that there is room for, if there is not enough and nothing was pushed.
    pub(super) fn short_of(&self) -> Option<usize> {
        usize::try_from(SHORT - self.taken).ok()
    }
}

/// A batch, as Redis gets it.
pub(super) struct Pieces {
    /// Least time to live of the list, in milliseconds.
    lifetime: Bytes,
    frames: Vec<Bytes>,
    /// Further pieces of a message that is alone.
    more: Vec<Bytes>,
}

impl Pieces {
    pub(super) fn of<R>(batch: &[Waiting<R>]) -> Self {
        let messages = batch.iter().map(|waiting| &waiting.message);
        let lifetime = messages.clone().map(|message| message.lifetime).max();
        Self {
            lifetime: lifetime.unwrap_or_default().as_millis().to_string().into(),
            frames: messages
                .clone()
                .map(|message| message.frame.clone())
                .collect(),
            more: messages.flat_map(|message| message.more.clone()).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Bytes> {
        self.frames.iter().chain(&self.more)
    }
}

/// The list of an outbox.
pub(super) struct List<'a> {
    pub(super) key: &'a str,
    pub(super) capacity: usize,
    /// True if it was less than half full a moment ago.
    pub(super) has_much_room: bool,
}

impl List<'_> {
    fn key(&self) -> Bytes {
        Bytes::copy_from_slice(self.key.as_bytes())
    }

    /// Pushes a batch that ends no holds.
    pub(super) async fn push(
        &self,
        limit: &mut Limit,
        link: &Link,
        scripts: &PushScripts,
        pieces: Pieces,
    ) -> Result<Pushed, PushError> {
        let is_whole = !pieces.more.is_empty();
        let Pieces {
            lifetime,
            mut frames,
            more,
        } = pieces;
        if self.has_much_room {
            frames.extend(more);
            let push = link.push_unchecked(limit, self.key, &lifetime, &frames);
            return push.await;
        }
        let script = if is_whole {
            &scripts.whole
        } else {
            &scripts.some
        };
        let mut arguments = vec![lifetime, number(self.capacity)];
        arguments.extend(frames);
        arguments.extend(more);
        link.push(limit, script, &[self.key()], &arguments).await
    }
}

/// The holds that a push ends.
pub(super) struct HeldPush {
    life: Arc<Life>,
    /// Numbers of slots, and the bits of their jobs that are answered. Jobs of one pull mostly end together.
    slots: Vec<(u32, u32)>,
}

impl HeldPush {
    /// `None` if none of the requests is held at this master.
    pub(super) fn of<R: Receipt>(
        batch: &[Waiting<R>],
        master: &Arc<MasterConnection>,
    ) -> Option<Self> {
        let places = batch.iter().filter_map(|waiting| {
            let place = waiting.message.receipt.place();
            place.filter(|place| place.is_at(master))
        });
        let first: &Place = places.clone().next()?;
        let life = Arc::clone(&first.slot.life);
        let mut slots: Vec<(u32, u32)> = Vec::new();
        for place in places {
            let slot = place.slot.number;
            match slots.iter_mut().rev().find(|(known, _)| *known == slot) {
                Some((_, bits)) => *bits |= place.bit(),
                None => slots.push((slot, place.bit())),
            }
        }
        Some(Self { life, slots })
    }

    /// Pushes the batch and ends the holds, or does neither.
    pub(super) async fn push(
        &self,
        limit: &mut Limit,
        link: &Link,
        list: &List<'_>,
        pieces: Pieces,
    ) -> Result<Pushed, PushError> {
        let is_simple = list.has_much_room && self.ends_slots(link);
        if !is_simple {
            return self.push_by_script(limit, link, list, &pieces).await;
        }
        let life = &self.life;
        let fence = Fence {
            process: Bytes::copy_from_slice(life.id.as_bytes()),
            burnt: life.base.keys.burnt.clone(),
        };
        let messages: Vec<Bytes> = pieces.all().cloned().collect();
        let ends = self.ends();
        let pushed = link.push_watched(limit, &fence, list.key, &pieces.lifetime, &messages, ends);
        if let Some(pushed) = pushed.await {
            return pushed;
        }
        let pushed = self.push_by_script(limit, link, list, &pieces).await;
        if pushed.as_ref().is_ok_and(|pushed| pushed.taken > 0) {
            link.set_watch(limit, &fence).await;
        }
        pushed
    }

    /// True if nothing is left in the slots after the push. After a change of the master, what is in them is not known.
    fn ends_slots(&self, link: &Link) -> bool {
        let mut slots = self.slots.iter();
        self.life.pulls_from(link)
            && self
                .life
                .slots(|known| slots.all(|(slot, bits)| known.is_ended_by(*slot, *bits)))
    }

    /// The commands that delete the slots, and the bits of their jobs that were answered before.
    fn ends(&self) -> [(&'static str, Vec<Bytes>); 2] {
        let slots = self.slots.iter().map(|(slot, _)| *slot);
        let names = slots.clone().map(|slot| self.life.described(slot).0.into());
        let names = std::iter::once(self.life.done.clone()).chain(names);
        let keys = slots.map(|slot| self.life.key(slot));
        [("DEL", keys.collect()), ("HDEL", names.collect())]
    }

    async fn push_by_script(
        &self,
        limit: &mut Limit,
        link: &Link,
        list: &List<'_>,
        pieces: &Pieces,
    ) -> Result<Pushed, PushError> {
        let life = &self.life;
        let mut keys = vec![list.key(), life.base.keys.burnt.clone(), life.done.clone()];
        let mut arguments = vec![
            pieces.lifetime.clone(),
            number(list.capacity),
            Bytes::copy_from_slice(life.id.as_bytes()),
            number(pieces.frames.len()),
        ];
        arguments.extend(pieces.frames.iter().cloned());
        for (slot, bits) in &self.slots {
            keys.push(life.key(*slot));
            let (name, length) = life.described(*slot);
            arguments.extend([Bytes::from(name), number(length), number(bits)]);
        }
        arguments.extend(pieces.more.iter().cloned());
        link.push(limit, &SCRIPTS.reply, &keys, &arguments).await
    }
}
