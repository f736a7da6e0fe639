//! Jobs of processes that were given up: whoever sees them decides about them, slot by slot.
//!
//! A slot is read, its jobs are decided about, and one script carries that out, if the slot is still as it was read. So of
//! several that try only one settles it. A process that was given up in error may still take requests into its slots until it
//! hears of it, so the slots are looked for again for some time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use soa_runtime::internal::{Loss, Redelivery};
use tokio::time::Instant;

use super::aloud::aloud;
use super::backend::Link;
use super::hold::{Life, read_slot};
use super::hold_keys::{SCRIPTS, number, slot_name};
use super::lease::{Holder, Seen, text};
use super::outcome::{Outcome, Plan};

/// Time after which servers that know more actions have had time to take a job, in milliseconds.
const PATIENCE: u64 = 30_000;

/// Time for which the slots of a process are looked for in each tick after it was given up, in milliseconds. It has heard of it
/// by then, if it lives.
const BUSY_TIME: u64 = 45_000;

/// Time between two looks after that.
const SLOW_LOOK: Duration = Duration::from_secs(60);

/// The number of slots that a process has if nobody knows.
const SLOTS: u32 = 64;

/// Jobs of a slot that are taken up in a second attempt, if it has changed.
const ATTEMPTS: usize = 3;

/// The work on processes that were given up, at one master.
pub(super) struct Reclaim {
    holder: Arc<Holder>,
    /// The time of the next look at a process.
    next: FxHashMap<String, Instant>,
    /// Processes that are looked at in each tick, until these times.
    urgent: FxHashMap<String, Instant>,
    /// Slots of this process that Redis has and it does not know of, as they were seen the last time.
    strange: Vec<(u32, bool)>,
}

impl Reclaim {
    pub(super) fn new(holder: &Arc<Holder>) -> Self {
        Self {
            holder: Arc::clone(holder),
            next: FxHashMap::default(),
            urgent: FxHashMap::default(),
            strange: Vec::new(),
        }
    }

    /// Has a process looked at in each tick for some time.
    pub(super) fn look_at(&mut self, process: &str) {
        self.next.remove(process);
        let until = Instant::now() + Duration::from_millis(BUSY_TIME);
        self.urgent.insert(process.to_owned(), until);
    }

    /// Settles the slots of all processes that were given up.
    pub(super) async fn settle(&mut self, link: &Link, seen: &Seen) {
        let now = Instant::now();
        self.next
            .retain(|process, _| seen.burnt.iter().any(|(known, _)| known == process));
        self.urgent.retain(|_, until| *until > now);
        let mut due: Vec<(String, u64)> = Vec::new();
        for (process, burnt) in &seen.burnt {
            let age = seen.now.saturating_sub(*burnt);
            let next = self.next.get(process);
            if next.is_none_or(|next| *next <= now) {
                let is_urgent = age < BUSY_TIME || self.urgent.contains_key(process);
                let pause = if is_urgent { Duration::ZERO } else { SLOW_LOOK };
                self.next.insert(process.clone(), now + pause);
                due.push((process.clone(), age));
            }
        }
        for (process, age) in due {
            self.settle_process(link, &process, age).await;
        }
    }

    async fn settle_process(&self, link: &Link, process: &str, age: u64) {
        let Some(slots) = self.slots(link, process).await else {
            return;
        };
        if slots.is_empty() {
            return;
        }
        let mut read = Vec::new();
        for (slot, is_old) in slots {
            let (key, done, name) = self.keys(process, slot, is_old);
            if let Ok((answered, jobs)) = read_slot(link, &key, &done, &name).await {
                read.push((slot, is_old, answered, jobs));
            }
        }
        let had_suspect = read.iter().any(|(_, is_old, answered, jobs)| {
            let mut open = open(*answered, jobs);
            *is_old
                && open.any(|job| {
                    Redelivery::read(job)
                        .0
                        .is_some_and(|known| known.is_suspect)
                })
        });
        let loss = Loss::Crash {
            had_suspect,
            is_old: age >= PATIENCE,
        };
        for (slot, is_old, answered, jobs) in read {
            self.settle_slot(link, process, (slot, is_old), (answered, jobs), loss)
                .await;
        }
    }

    /// Settles one slot, as it was read.
    async fn settle_slot(
        &self,
        link: &Link,
        process: &str,
        (slot, is_old): (u32, bool),
        (mut answered, mut jobs): (u32, Vec<Bytes>),
        loss: Loss,
    ) {
        let base = &self.holder.base;
        let (key, done, name) = self.keys(process, slot, is_old);
        for _ in 0..ATTEMPTS {
            let mut plan = Plan::new(base);
            for job in open(answered, &jobs) {
                plan.lost(job, is_old, loss);
            }
            if plan.is_left() {
                return;
            }
            let has_again = plan.has_again();
            let keys = [key.clone(), done.clone()];
            let words = [
                Bytes::from(name.clone()),
                number(jobs.len()),
                number(answered),
                base.lifetime.clone(),
            ];
            match plan.carry_out(link, &SCRIPTS.settle, &keys, &words).await {
                Outcome::Done if has_again => return self.holder.set_old(true, true),
                Outcome::Done | Outcome::Failed => return,
                // Another one was first, or it has changed.
                Outcome::Fenced => match read_slot(link, &key, &done, &name).await {
                    Ok((_, read)) if read.is_empty() => return,
                    Ok(read) => (answered, jobs) = read,
                    Err(_) => return,
                },
            }
        }
    }

    /// Settles the slots that Redis has for this process, although it knows that all of their jobs are answered: a Redis that
    /// became the master has lost it. They are settled when they are seen a second time, as one may just come or go; doubtful
    /// ones at once, as nothing is under way to them. Doubtful slots that Redis does not have may be used anew.
    pub(super) async fn audit(&mut self, link: &Link, life: &Arc<Life>) {
        // Another Redis than that of the last pull says nothing about doubts.
        let doubtful = match life.pulls_from(link) {
            true => life.slots(|slots| slots.doubtful()),
            false => Vec::new(),
        };
        let before = life.slots(|slots| slots.used());
        let Some(found) = self.slots(link, &life.id).await else {
            return;
        };
        for slot in &doubtful {
            if !found.iter().any(|(number, _)| number == slot) {
                life.slots(|slots| slots.trust(*slot));
            }
        }
        let after = life.slots(|slots| slots.used());
        let is_strange = |slot: &(u32, bool)| {
            let is_used =
                |used: &Vec<(u32, bool)>| used.iter().any(|(number, _)| *number == slot.0);
            !is_used(&before) && !is_used(&after)
        };
        let strange: Vec<_> = found.into_iter().filter(is_strange).collect();
        let is_known =
            |slot: &&(u32, bool)| self.strange.contains(slot) || doubtful.contains(&slot.0);
        let twice: Vec<_> = strange.iter().filter(is_known).copied().collect();
        for slot in twice {
            let (key, done, name) = self.keys(&life.id, slot.0, slot.1);
            if let Ok(read) = read_slot(link, &key, &done, &name).await {
                let (service, jobs) = (&*life.base.keys.service, read.1.len());
                aloud(|| {
                    tracing::warn!(
                        service,
                        jobs,
                        "Redis has jobs that were answered: a master has lost what it had confirmed"
                    );
                });
                self.settle_slot(link, &life.id, slot, read, Loss::HandedOver)
                    .await;
            }
        }
        self.strange = strange;
    }

    /// The slots of a process that there are.
    async fn slots(&self, link: &Link, process: &str) -> Option<Vec<(u32, bool)>> {
        let keys = &self.holder.base.keys;
        let holders = String::from_utf8_lossy(&keys.holders);
        let field = [Bytes::from(format!("{process}:slots"))];
        let known = link.ask("HGET", &holders, &field).await.ok()?;
        let most = text(known).parse().unwrap_or(SLOTS);
        let all: Vec<(u32, bool)> = (0..most)
            .flat_map(|number| [(number, false), (number, true)])
            .collect();
        let names = all
            .iter()
            .map(|(number, is_old)| keys.slot(process, *number, *is_old));
        let names: Vec<String> = names
            .map(|key| String::from_utf8_lossy(&key).into_owned())
            .collect();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let found = link.ask_script(&SCRIPTS.find, &names, &[]).await.ok()?;
        let places = found.into_list().into_iter().filter_map(|place| {
            let place = usize::try_from(place.as_integer()?).ok()?;
            all.get(place.checked_sub(1)?).copied()
        });
        Some(places.collect())
    }

    fn keys(&self, process: &str, slot: u32, is_old: bool) -> (Bytes, Bytes, String) {
        let keys = &self.holder.base.keys;
        let key = keys.slot(process, slot, is_old);
        (key, keys.done(process), slot_name(slot, is_old))
    }
}

/// The jobs that are not answered.
fn open(answered: u32, jobs: &[Bytes]) -> impl Iterator<Item = &Bytes> {
    let jobs = (0_u32..).zip(jobs);
    jobs.filter_map(move |(place, job)| {
        let bit = 1_u32.checked_shl(place).unwrap_or(0);
        (answered & bit == 0).then_some(job)
    })
}
