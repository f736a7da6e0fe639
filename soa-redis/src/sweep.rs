//! Slots in which jobs run for long.
//!
//! A slot is deleted when all of its jobs are answered, so one slow job would keep the messages of 31 others. After some seconds
//! those that are answered are emptied in their places. Jobs that run although their callers' time is over, as a handler blocks
//! its thread, are acknowledged: nobody waits for their answers. Here they stay in their slots until they end, since the number of
//! a slot must not be used anew while something may still answer for it.
//!
//! The time of a caller is over by the wall clock, which may be set while the job runs. A clock that is set forward does not
//! count for jobs that were there before: they would lose their hold although somebody waits for them.

use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use soa_runtime::internal::OpenSlot;
use soa_wire::wire;
use tokio::time::Instant;

use super::backend::Link;
use super::hold::Life;
use super::hold_keys::{SCRIPTS, number, slot_name};

/// Age of a slot from which on it is swept, and time between two sweeps.
const SWEEP_AGE: Duration = Duration::from_secs(5);

/// Time by which a wall clock may go ahead of the monotonic one between two looks, and is not taken to be set.
const USUAL_DRIFT: Duration = Duration::from_secs(1);

/// The slots of a process that are in use, as the thread for signs of life has seen them.
pub(super) struct Sweep {
    process: String,
    slots: FxHashMap<u32, Aged>,
    /// The clocks at the last look: the monotonic one, and the wall clock in Unix seconds.
    looked: (Instant, f64),
}

/// A slot that is in use.
#[derive(Clone, Copy)]
struct Aged {
    slot: OpenSlot,
    since: Instant,
    /// Time by which the wall clock was set forward since the slot was seen first.
    ahead: Duration,
    /// Bits of the jobs that need no answer, as Redis was told at the last sweep.
    swept: u32,
}

impl Sweep {
    /// Makes one for a process that has taken nothing yet, at this time by both clocks.
    pub(super) fn new(begun: (Instant, f64)) -> Self {
        Self {
            process: String::new(),
            slots: FxHashMap::default(),
            looked: begun,
        }
    }

    /// Takes note of the slots that are in use. Returns those that have to be swept: each with the jobs that Redis is to
    /// acknowledge, which `expired` tells for a slot by their places and messages; `ahead` is the time by which
    /// the wall clock was set forward.
    fn look(
        &mut self,
        process: &str,
        slots: &[OpenSlot],
        (now, wall): (Instant, f64),
        expired: impl Fn(u32, Duration) -> Vec<(u8, Bytes)>,
    ) -> Vec<(OpenSlot, Vec<(u8, Bytes)>)> {
        if self.process != process {
            *self = Self {
                process: process.to_owned(),
                slots: FxHashMap::default(),
                looked: self.looked,
            };
        }
        let set = self.set_forward(now, wall);
        let mut due = Vec::new();
        let mut seen = FxHashMap::default();
        for slot in slots {
            let before = self.slots.get(&slot.number);
            // A slot that was free meanwhile has other jobs, and mostly another number of them.
            let is_same = |aged: &&Aged| {
                let known = aged.slot;
                (known.is_old, known.length) == (slot.is_old, slot.length)
                    && slot.open & !known.open == 0
            };
            let mut aged = before
                .copied()
                .filter(|aged| is_same(&aged))
                .unwrap_or(Aged {
                    slot: *slot,
                    since: now,
                    ahead: Duration::ZERO,
                    swept: 0,
                });
            aged.slot = *slot;
            aged.ahead += set;
            if now.duration_since(aged.since) >= SWEEP_AGE {
                aged.since = now;
                // Jobs with headers may have been allowed to run late.
                let expired = match slot.is_old {
                    true => Vec::new(),
                    false => expired(slot.number, aged.ahead),
                };
                let bits = expired
                    .iter()
                    .map(|(place, _)| 1_u32.checked_shl(u32::from(*place)));
                let bits = bits.flatten().fold(0, |bits, bit| bits | bit);
                let over = slot.answered() | bits;
                if over & !aged.swept != 0 {
                    aged.swept |= over;
                    due.push((*slot, expired));
                }
            }
            seen.insert(slot.number, aged);
        }
        self.slots = seen;
        due
    }

    /// Returns the time by which the wall clock was set forward since the last look.
    fn set_forward(&mut self, now: Instant, wall: f64) -> Duration {
        let (before, wall_before) = std::mem::replace(&mut self.looked, (now, wall));
        let passed = now.duration_since(before).as_secs_f64();
        let ahead = Duration::try_from_secs_f64(wall - wall_before - passed);
        ahead
            .ok()
            .filter(|ahead| *ahead > USUAL_DRIFT)
            .unwrap_or_default()
    }

    /// Sweeps the slots for which it is time.
    pub(super) async fn run(&mut self, link: &Link, life: &Life) {
        let slots = life.slots(|slots| slots.in_use());
        let expired = |slot, ahead| life.expired(slot, ahead);
        let clocks = (Instant::now(), wire::now());
        for (slot, expired) in self.look(&life.id, &slots, clocks, expired) {
            let keys = [
                life.base.keys.burnt.clone(),
                life.done.clone(),
                life.base.keys.slot(&life.id, slot.number, slot.is_old),
            ];
            let keys = keys.each_ref().map(|key| String::from_utf8_lossy(key));
            let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
            let mut words = vec![
                Bytes::from(life.id.clone()),
                slot_name(slot.number, slot.is_old).into(),
                number(slot.length),
            ];
            words.extend(
                expired
                    .into_iter()
                    .flat_map(|(place, job)| [number(place), job]),
            );
            // What fails is only kept for longer.
            let _ = link.ask_script(&SCRIPTS.sweep, &keys, &words).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(open: u32) -> OpenSlot {
        OpenSlot {
            number: 3,
            is_old: false,
            length: 4,
            open,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_swept_when_it_is_old_and_again_when_more_of_it_is_answered() {
        let mut sweep = Sweep::new((Instant::now(), 0.0));
        let mut look = |open, expired: &[u8]| {
            let jobs = expired
                .iter()
                .map(|place| (*place, Bytes::from_static(b"job")));
            let jobs: Vec<_> = jobs.collect();
            let clocks = (Instant::now(), 0.0);
            let due = sweep.look("a", &[slot(open)], clocks, |_, _| jobs.clone());
            due.first()
                .map(|(slot, expired)| (slot.open, expired.len()))
        };
        assert_eq!(look(0b1110, &[]), None);
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look(0b1110, &[]), Some((0b1110, 0)));
        tokio::time::advance(SWEEP_AGE).await;
        // Nothing is new.
        assert_eq!(look(0b1110, &[]), None);
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look(0b1110, &[2]), Some((0b1110, 1)));
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look(0b1110, &[2]), None);
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look(0b0110, &[2]), Some((0b0110, 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_that_was_used_anew_is_young() {
        let mut sweep = Sweep::new((Instant::now(), 0.0));
        let mut look = |process, open| {
            let clocks = (Instant::now(), 0.0);
            let due = sweep.look(process, &[slot(open)], clocks, |_, _| Vec::new());
            due.len()
        };
        assert_eq!(look("a", 0b0001), 0);
        tokio::time::advance(SWEEP_AGE).await;
        // Its jobs are others: one that was answered is open.
        assert_eq!(look("a", 0b0111), 0);
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look("b", 0b0111), 0);
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look("b", 0b0111), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_forward_does_not_count_for_jobs_that_were_there_before() {
        let mut sweep = Sweep::new((Instant::now(), 100.0));
        // The time that does not count when a slot of these jobs is swept, if it is.
        let mut look = |open, wall| {
            let seen = std::cell::Cell::new(None);
            sweep.look("a", &[slot(open)], (Instant::now(), wall), |_, ahead| {
                seen.set(Some(ahead.as_secs()));
                Vec::new()
            });
            seen.get()
        };
        tokio::time::advance(Duration::from_secs(2)).await;
        // Set forward by an hour, also for jobs that are seen for the first time.
        assert_eq!(look(0b0001, 3_702.0), None);
        tokio::time::advance(SWEEP_AGE).await;
        // Slower by half of a second, which is usual.
        assert_eq!(look(0b0001, 3_706.5), Some(3_600));
        // Set back, which makes nothing late.
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look(0b0001, 109.5), Some(3_600));
        // Jobs that came since have the time as it is.
        assert_eq!(look(0b0011, 109.5), None);
        tokio::time::advance(SWEEP_AGE).await;
        assert_eq!(look(0b0011, 114.5), Some(0));
    }
}
