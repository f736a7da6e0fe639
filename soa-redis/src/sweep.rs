//! Slots in which jobs run for long.
//!
//! A slot is deleted when all of its jobs are answered, so one slow job would keep the messages of 31 others. After some seconds
//! those that are answered are emptied in their places. Jobs that run although their callers' time is over, as a handler blocks
//! its thread, are acknowledged: nobody waits for their answers. Here they stay in their slots until they end, since the number of
//! a slot must not be used anew while something may still answer for it.

use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use soa_runtime::internal::OpenSlot;
use tokio::time::Instant;

use super::backend::Link;
use super::hold::Life;
use super::hold_keys::{SCRIPTS, number, slot_name};

/// Age of a slot from which on it is swept, and time between two sweeps.
const SWEEP_AGE: Duration = Duration::from_secs(5);

/// The slots of a process that are in use, as the thread for signs of life has seen them.
#[derive(Default)]
pub(super) struct Sweep {
    process: String,
    slots: FxHashMap<u32, Aged>,
}

/// A slot that is in use.
#[derive(Clone, Copy)]
struct Aged {
    slot: OpenSlot,
    since: Instant,
    /// Bits of the jobs that need no answer, as Redis was told at the last sweep.
    swept: u32,
}

impl Sweep {
    /// Takes note of the slots that are in use. Returns those that have to be swept: each with the jobs that Redis is to
    /// acknowledge, which `expired` tells for a slot by their places and messages.
    fn look(
        &mut self,
        process: &str,
        slots: &[OpenSlot],
        now: Instant,
        expired: impl Fn(u32) -> Vec<(u8, Bytes)>,
    ) -> Vec<(OpenSlot, Vec<(u8, Bytes)>)> {
        if self.process != process {
            *self = Self {
                process: process.to_owned(),
                slots: FxHashMap::default(),
            };
        }
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
                    swept: 0,
                });
            aged.slot = *slot;
            if now.duration_since(aged.since) >= SWEEP_AGE {
                aged.since = now;
                // Jobs with headers may have been allowed to run late.
                let expired = match slot.is_old {
                    true => Vec::new(),
                    false => expired(slot.number),
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

    /// Sweeps the slots for which it is time.
    pub(super) async fn run(&mut self, link: &Link, life: &Life) {
        let slots = life.slots(|slots| slots.in_use());
        let expired = |slot| life.expired(slot);
        for (slot, expired) in self.look(&life.id, &slots, Instant::now(), expired) {
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
        let mut sweep = Sweep::default();
        let mut look = |open, expired: &[u8]| {
            let jobs = expired
                .iter()
                .map(|place| (*place, Bytes::from_static(b"job")));
            let jobs: Vec<_> = jobs.collect();
            let due = sweep.look("a", &[slot(open)], Instant::now(), |_| jobs.clone());
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
        let mut sweep = Sweep::default();
        let mut look = |process, open| {
            let due = sweep.look(process, &[slot(open)], Instant::now(), |_| Vec::new());
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
}
