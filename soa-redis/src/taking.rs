//! Taking requests so that they are held until they are answered.
//!
//! ```text
//! nothing is known to be there      BLMOVE requests → slot, LLEN        one request, and how many are left
//! some are left                     a script moves them into a slot     LRANGE of the slot, in one flush
//! jobs are to run again             a script moves them into a slot     seen by the thread that renews the lease
//! ```
//!
//! A pull whose answer is lost has still moved its requests: its slot is *retired*, and read when Redis can be reached again,
//! until nothing of it can be under way any more.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::internal::{Loss, LostJob, Redelivery, SLOT_SIZE, Slot, Verdict};
use soa_runtime::transport::{Hold, Received};
use tokio::time::Instant;

use super::backend::{Limit, Link};
use super::hold::{Life, RedisSlot, read_slot};
use super::hold_keys::{SCRIPTS, number, slot_name};
use super::lease::Holder;
use super::turns::Turn;
use super::value::RedisValue;

/// Size up to which frames are copied out of the read buffer, which would otherwise live as long as the last of them.
const COPIED_SIZE: usize = 64 * 1024;

/// Time after which a pull without an answer has certainly ended, beyond its own time limit.
const RETIRED_TIME: Duration = Duration::from_secs(3);

/// Time that a pull waits while a slot is retired, so that it is looked at soon.
const RETIRED_BLOCK: Duration = Duration::from_millis(500);

/// Time limit of waiting for replicas.
const REPLICATION_TIME: Duration = Duration::from_secs(1);

/// Pause before a Redis without memory is asked again.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// The yield of a pull.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) requests: Vec<Received>,
    /// Number of requests that were asked for; more than were brought if the queue is empty.
    pub(super) asked: usize,
    /// Number of requests that are left in the queue, as far as is known.
    pub(super) left: usize,
    /// True if this Redis or its login refuses a command.
    pub(super) is_lacking: bool,
    /// True if it did not work.
    pub(super) has_failed: bool,
    /// Time of a pull that had nothing to wait for.
    pub(super) took: Option<Duration>,
}

/// Takes requests from one master.
pub(super) struct Taker<'a> {
    pub(super) holder: &'a Holder,
    pub(super) life: &'a Arc<Life>,
    pub(super) link: &'a Link,
    /// Number of replicas that have to know of requests that must not run twice.
    pub(super) replicas: u32,
}

impl Taker<'_> {
    /// Takes jobs that are to run again, if there are some: at most half of the room, so that requests come through.
    pub(super) async fn take_old(&self, room: usize) -> Vec<Received> {
        if !self.holder.has_old(self.life) {
            return Vec::new();
        }
        let deadline = Instant::now() + RETIRED_BLOCK;
        let Ok(link) = self.life.base.master.ready(deadline, None).await else {
            return Vec::new();
        };
        let Some(slot) = self.begin(true, &link).await else {
            return Vec::new();
        };
        let wanted = room.div_ceil(2).min(SLOT_SIZE);
        let may_suspect = !self.life.slots(|slots| slots.has_suspect());
        let keys = &self.life.base.keys;
        let slot_key = self.life.key(slot);
        let keys = [&keys.again, &keys.suspect, &slot_key, &keys.burnt];
        let keys = keys.map(|key| String::from_utf8_lossy(key));
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let words = [
            Bytes::from(self.life.id.clone()),
            number(wanted),
            number(u8::from(may_suspect)),
        ];
        let taken = match link.ask_script(&SCRIPTS.pull_old, &keys, &words).await {
            Ok(taken) => taken.into_list(),
            Err(failed) => {
                self.retire(slot, failed.is_unknown, Duration::ZERO);
                return Vec::new();
            }
        };
        let mut taken = taken.into_iter();
        let suspects = taken.next().and_then(|count| count.as_integer());
        let suspects = usize::try_from(suspects.unwrap_or(0)).unwrap_or(0);
        let jobs = taken.next().map(RedisValue::into_list).unwrap_or_default();
        let jobs: Vec<Bytes> = jobs
            .into_iter()
            .filter_map(RedisValue::into_bytes)
            .collect();
        if jobs.len() < wanted {
            self.holder.set_old(false, !may_suspect || suspects > 0);
        }
        let received = self.hold(slot, jobs, suspects);
        self.life.slots(|slots| slots.end_pull(slot));
        received
    }

    /// Reads slots whose pulls had no answer. What is in them and unknown here was taken.
    pub(super) async fn recover(&self) -> Vec<Received> {
        let mut received = Vec::new();
        for retired in self.life.slots(|slots| slots.retired()) {
            let deadline = Instant::now() + RETIRED_BLOCK;
            let Ok(link) = self.life.base.master.ready(deadline, None).await else {
                break;
            };
            if !self.life.pulls_from(&link) {
                // Another Redis may have earlier jobs in it. Whoever looks for such slots settles it.
                self.life.slots(|slots| {
                    slots.doubt();
                    slots.restore(retired.number);
                });
                continue;
            }
            let name = slot_name(retired.number, retired.is_old);
            let key = self.life.key(retired.number);
            let is_over = Instant::now() >= retired.until;
            let Ok((_, jobs)) = read_slot(&link, &key, &self.life.done, &name).await else {
                break;
            };
            let more: Vec<Bytes> = jobs.into_iter().skip(retired.length).collect();
            let is_suspect = |job: &Bytes| {
                Redelivery::read(job)
                    .0
                    .is_some_and(|known| known.is_suspect)
            };
            let suspects = match retired.is_old {
                true => more.iter().take_while(|job| is_suspect(job)).count(),
                false => 0,
            };
            received.extend(self.hold(retired.number, more, suspects));
            if is_over {
                self.life.slots(|slots| slots.restore(retired.number));
            }
        }
        received
    }

    /// Waits for a request.
    pub(super) async fn wait(&self, limit: &mut Limit, turn: Turn) -> Taken {
        let Some(slot) = self.begin(false, self.link).await else {
            return failed();
        };
        let has_retired = !self.life.slots(|slots| slots.retired()).is_empty();
        let block = match has_retired {
            true => turn.block.min(RETIRED_BLOCK),
            false => turn.block,
        };
        let requests = self.life.base.keys.requests.clone();
        let mut words = self.move_words(slot);
        let name = match turn.block.is_zero() {
            true => "LMOVE",
            false => {
                words.push(number(block.as_secs_f64()));
                "BLMOVE"
            }
        };
        let commands = vec![(name, words), ("LLEN", vec![requests.clone()])];
        let answers = self.link.ask_all(limit, block, &requests, commands).await;
        let mut answers = answers.into_iter();
        let moved = answers.next();
        let left = answers.next().and_then(Result::ok);
        let left = left.and_then(|left| usize::try_from(left.as_integer()?).ok());
        let left = left.unwrap_or(0);
        let mut taken = match moved {
            Some(Ok(RedisValue::Bytes(job))) => Taken {
                requests: self.hold(slot, vec![job], 0),
                ..Taken::default()
            },
            Some(Ok(_)) | None => Taken::default(),
            Some(Err(failed)) if failed.is_out_of_memory => {
                return self.take_from_full(slot, turn.count).await;
            }
            Some(Err(failed)) => {
                self.retire(slot, failed.is_unknown, block);
                return Taken {
                    is_lacking: failed.is_lacking,
                    has_failed: true,
                    ..Taken::default()
                };
            }
        };
        self.life.slots(|slots| slots.end_pull(slot));
        let count = taken.requests.len();
        (taken.left, taken.asked) = (left, count + usize::from(left == 0));
        taken
    }

    /// Takes up to so many requests, which are there.
    pub(super) async fn take(&self, limit: &mut Limit, count: usize) -> Taken {
        let requests = &self.life.base.keys.requests;
        let mut slots = Vec::new();
        let mut commands = Vec::new();
        let mut left = count;
        while left > 0 {
            let Some(slot) = self.begin(false, self.link).await else {
                break;
            };
            let of_slot = left.min(SLOT_SIZE);
            let key = self.life.key(slot);
            commands.push(
                SCRIPTS
                    .pull
                    .by_digest(&[requests, &key], &[number(of_slot)]),
            );
            // The jobs themselves do not go through the script: that would cost Redis as much again.
            commands.push(("LRANGE", vec![key, number(0), number(-1)]));
            slots.push(slot);
            left -= of_slot;
        }
        if slots.is_empty() {
            return failed();
        }
        let since = Instant::now();
        let answers = self.link.ask_all(limit, Duration::ZERO, requests, commands);
        let mut answers = answers.await.into_iter();
        let took = since.elapsed();
        let mut taken = Taken::default();
        let (mut left, mut full, mut is_unknown_script) = (None, None, false);
        for slot in slots {
            let mut failures = Vec::new();
            let mut answer = || {
                let answer = answers.next()?;
                answer.map_err(|failed| failures.push(failed)).ok()
            };
            let left_now = answer().and_then(|left| left.as_integer());
            let jobs = answer().map(RedisValue::into_list);
            // What was moved and not read is in the slot all the same.
            let is_unread = jobs.is_none();
            let jobs = jobs.unwrap_or_default().into_iter();
            let jobs = jobs.filter_map(RedisValue::into_bytes).collect();
            taken.requests.extend(self.hold(slot, jobs, 0));
            left = left_now.or(left);
            let is_full = failures.iter().any(|failed| failed.is_out_of_memory);
            is_unknown_script |= failures.iter().any(|failed| failed.is_unknown_script);
            taken.is_lacking |= failures.iter().any(|failed| failed.is_lacking);
            taken.has_failed |= failures
                .iter()
                .any(|failed| !failed.is_out_of_memory && !failed.is_unknown_script);
            if is_unread || failures.iter().any(|failed| failed.is_unknown) {
                self.retire(slot, true, Duration::ZERO);
            } else if is_full && full.is_none() {
                full = Some(slot);
            } else {
                self.life.slots(|slots| slots.end_pull(slot));
            }
        }
        if let Some(slot) = full {
            let mut more = self
                .take_from_full(slot, count - taken.requests.len())
                .await;
            more.requests.splice(0..0, taken.requests);
            return more;
        }
        if is_unknown_script {
            // Redis was started again, or has a new master: the next pull finds them.
            taken.has_failed |= self.link.load(&SCRIPTS.pull).await.is_err();
            (taken.left, taken.asked) = (count, taken.requests.len().max(1));
            return taken;
        }
        let brought = taken.requests.len();
        taken.left = left
            .and_then(|left| usize::try_from(left).ok())
            .unwrap_or(0);
        taken.asked = match left {
            Some(0) => brought + 1,
            _ => brought.max(1),
        };
        taken.took = (brought >= count).then_some(took);
        taken
    }

    /// Waits until replicas know that these requests were taken, if one of them must not run twice: after a failover, it would
    /// be in the queue again. Returns false if that is not known because the connection broke, so that they may be there now.
    pub(super) async fn replicate(&self, limit: &mut Limit, requests: &[Received]) -> bool {
        if self.replicas == 0 {
            return true;
        }
        let judge = &self.life.base.promise.judge();
        let mut frames = requests.iter().map(|received| &received.frame);
        let runs_once = frames.any(|frame| {
            let lost = LostJob {
                frame,
                redelivery: None,
                loss: Loss::HandedOver,
            };
            matches!(judge.judge(&lost), Verdict::Unknown(_))
        });
        if !runs_once {
            return true;
        }
        let words = vec![number(self.replicas), number(REPLICATION_TIME.as_millis())];
        let commands = vec![("WAIT", words)];
        let requests = &self.life.base.keys.requests;
        let answers = self
            .link
            .ask_all(limit, REPLICATION_TIME, requests, commands)
            .await;
        let known = match answers.into_iter().next() {
            Some(Ok(known)) => known.as_integer().unwrap_or(0),
            // The log has it.
            Some(Err(failed)) if failed.is_lacking => 0,
            Some(Err(_)) | None => return false,
        };
        if known < i64::from(self.replicas) {
            self.holder.is_behind(known, self.replicas);
        }
        true
    }

    /// Gives requests back that were not begun, as far as they are in their places.
    pub(super) fn give_back(&self, requests: Vec<Received>) {
        for Received { frame, hold, .. } in requests {
            let place = hold.and_then(Hold::into_place);
            if let Some((slot, place)) = place
                && let Ok(slot) = (slot as Arc<dyn Any + Send + Sync>).downcast::<RedisSlot>()
            {
                slot.life.give_back_if_there(slot.number, place, frame);
            }
        }
    }

    /// Takes requests from a Redis without memory, which refuses to move them.
    async fn take_from_full(&self, slot: u32, count: usize) -> Taken {
        let room = SLOT_SIZE.saturating_sub(self.life.slots(|slots| slots.length(slot)));
        let key = self.life.key(slot);
        let keys = [&self.life.base.keys.requests, &key].map(|key| String::from_utf8_lossy(key));
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let words = [number(count.min(room))];
        let taken = self
            .link
            .ask_script(&SCRIPTS.pull_full, &keys, &words)
            .await;
        let jobs = match taken {
            Ok(jobs) => jobs.into_list(),
            Err(failed) => {
                self.retire(slot, failed.is_unknown, Duration::ZERO);
                return Taken {
                    is_lacking: failed.is_lacking,
                    has_failed: true,
                    ..Taken::default()
                };
            }
        };
        let jobs: Vec<Bytes> = jobs
            .into_iter()
            .filter_map(RedisValue::into_bytes)
            .collect();
        let requests = self.hold(slot, jobs, 0);
        self.life.slots(|slots| slots.end_pull(slot));
        if requests.is_empty() {
            tokio::time::sleep(FULL_PAUSE).await;
        }
        Taken {
            asked: requests.len() + 1,
            requests,
            ..Taken::default()
        }
    }

    fn move_words(&self, slot: u32) -> Vec<Bytes> {
        let [left, right] = ["LEFT", "RIGHT"].map(|word| Bytes::from_static(word.as_bytes()));
        vec![
            self.life.base.keys.requests.clone(),
            self.life.key(slot),
            left,
            right,
        ]
    }

    /// Takes a free slot.
    async fn begin(&self, is_old: bool, link: &Link) -> Option<u32> {
        if let Some(slot) = self.life.begin(is_old, link) {
            return Some(slot);
        }
        let commands = self
            .life
            .base
            .master
            .ready(Instant::now() + RETIRED_BLOCK, None)
            .await;
        let grown = self.life.grow(&commands.ok()?).await;
        grown.ok()?;
        self.life.begin(is_old, link)
    }

    /// Ends a pull that has failed.
    fn retire(&self, slot: u32, is_unknown: bool, block: Duration) {
        self.life.slots(|slots| match is_unknown {
            true => slots.retire(slot, Instant::now() + block + RETIRED_TIME),
            false => slots.end_pull(slot),
        });
    }

    /// Makes requests of jobs that are in a slot now, of which the first are suspects.
    fn hold(&self, slot: u32, jobs: Vec<Bytes>, suspects: usize) -> Vec<Received> {
        if jobs.is_empty() {
            return Vec::new();
        }
        let is_old = self.life.slots(|slots| slots.is_old(slot));
        let first = self.life.add(slot, jobs.len(), suspects);
        let slot: Arc<dyn Slot> = Arc::new(RedisSlot {
            life: Arc::clone(self.life),
            number: slot,
        });
        let jobs = (first..).zip(jobs).map(|(place, job)| {
            let (redelivery, frame) = match is_old {
                true => Redelivery::read(&job),
                false => (None, copied(job)),
            };
            Received::held(frame, Hold::new(Arc::clone(&slot), place, redelivery))
        });
        jobs.collect()
    }
}

fn failed() -> Taken {
    Taken {
        has_failed: true,
        ..Taken::default()
    }
}

/// Copies a small frame, so that it does not keep the whole of a read buffer.
fn copied(frame: Bytes) -> Bytes {
    match frame.len() <= COPIED_SIZE {
        true => Bytes::copy_from_slice(&frame),
        false => frame,
    }
}
