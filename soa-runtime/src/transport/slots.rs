//! The slots of a process: which of its lists in Redis are in use, and which of the jobs in them are answered.
//!
//! A slot is a list for the jobs of one pull, at most 32. Positions in it do not move, so a job is a bit. The slot is free
//! again when all of its jobs are answered, as Redis has confirmed. One whose pull had no answer is *retired* for some time:
//! jobs may be in it that nobody knows of here. After a change of the connection, all slots that there are are *doubtful*: a
//! Redis that became the master may have lost what it had confirmed, and its lists may have jobs that were answered. A
//! doubtful slot is not used anew until somebody has seen that its list is gone.

use tokio::time::Instant;

/// Largest number of jobs in a slot.
pub const SLOT_SIZE: usize = 32;

/// The slots of one process at one master.
#[derive(Debug, Default)]
pub struct Slots {
    slots: Vec<SlotState>,
    /// Number of jobs that are not answered yet.
    open: usize,
    /// Number of suspects among them.
    suspects: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct SlotState {
    phase: Phase,
    /// True if its jobs have headers.
    is_old: bool,
    /// Number of its jobs that are known.
    length: u8,
    /// Bits of the jobs that are not answered.
    open: u32,
    /// Number of suspects, which come first.
    suspects: u8,
    /// True if its list may be there although it is free.
    is_doubtful: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Free,
    /// It belongs to a pull or to jobs that run.
    Used,
    /// There may be more in it than is known, until this time.
    Retired(Instant),
}

/// A slot that is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The number of the slot.
    pub number: u32,
    /// True if its jobs have headers.
    pub is_old: bool,
    /// The number of its jobs that are known.
    pub length: usize,
    /// The end of its retirement.
    pub until: Instant,
}

/// A slot with jobs that are not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSlot {
    /// The number of the slot.
    pub number: u32,
    /// True if its jobs have headers.
    pub is_old: bool,
    /// The number of its jobs that are known.
    pub length: usize,
    /// Bits of the jobs that are not answered.
    pub open: u32,
}

impl OpenSlot {
    /// Bits of the jobs that are answered.
    pub fn answered(&self) -> u32 {
        let all = (0..self.length).fold(0_u32, |all, _| all << 1 | 1);
        all & !self.open
    }
}

impl Slots {
    /// Takes a free slot for a pull, of at most so many that there may be.
    pub fn begin(&mut self, is_old: bool, most: usize) -> Option<u32> {
        let is_free = |slot: &SlotState| slot.phase == Phase::Free && !slot.is_doubtful;
        let free = self.slots.iter().position(is_free);
        let index = match free {
            Some(index) => index,
            None if self.slots.len() < most => {
                self.slots.push(SlotState::default());
                self.slots.len() - 1
            }
            None => return None,
        };
        let slot = self.slots.get_mut(index)?;
        *slot = SlotState {
            phase: Phase::Used,
            is_old,
            ..SlotState::default()
        };
        u32::try_from(index).ok()
    }

    /// Doubts all slots that there are: the lists of those that are free, or will be, may still be there.
    pub fn doubt(&mut self) {
        for slot in &mut self.slots {
            slot.is_doubtful = true;
        }
    }

    /// Numbers of the slots that are free, and whose lists may be there.
    pub fn doubtful(&self) -> Vec<u32> {
        let slots = (0..).zip(&self.slots);
        let doubtful = slots.filter(|(_, slot)| slot.phase == Phase::Free && slot.is_doubtful);
        doubtful.map(|(number, _)| number).collect()
    }

    /// Records that the list of a free slot is not there.
    pub fn trust(&mut self, number: u32) {
        if let Some(slot) = slot(&mut self.slots, number) {
            slot.is_doubtful = false;
        }
    }

    /// Adds jobs that a pull has brought; the first of them are suspects. Returns the place of the first.
    pub fn add(&mut self, number: u32, count: usize, suspects: usize) -> u8 {
        let Some(slot) = slot(&mut self.slots, number) else {
            return 0;
        };
        let first = slot.length;
        let count = count.min(SLOT_SIZE.saturating_sub(usize::from(first)));
        for _ in 0..count {
            slot.open |= 1 << slot.length;
            slot.length += 1;
        }
        slot.suspects += u8::try_from(suspects).unwrap_or(u8::MAX);
        self.open += count;
        self.suspects += suspects;
        first
    }

    /// Ends a pull. A slot into which nothing came is free.
    pub fn end_pull(&mut self, number: u32) {
        if let Some(slot) = slot(&mut self.slots, number)
            && slot.length == 0
            && slot.phase == Phase::Used
        {
            slot.phase = Phase::Free;
        }
    }

    /// Retires a slot whose pull had no answer.
    pub fn retire(&mut self, number: u32, until: Instant) {
        if let Some(slot) = slot(&mut self.slots, number) {
            slot.phase = Phase::Retired(until);
        }
    }

    /// The slots that are retired.
    pub fn retired(&self) -> Vec<Retired> {
        let slots = (0..).zip(&self.slots);
        let retired = slots.filter_map(|(number, slot)| match slot.phase {
            Phase::Retired(until) => Some(Retired {
                number,
                is_old: slot.is_old,
                length: usize::from(slot.length),
                until,
            }),
            _ => None,
        });
        retired.collect()
    }

    /// Records that all jobs in a retired slot are known.
    pub fn restore(&mut self, number: u32) {
        if let Some(slot) = slot(&mut self.slots, number) {
            slot.phase = match slot.open {
                0 => Phase::Free,
                _ => Phase::Used,
            };
        }
    }

    /// Records that Redis knows that a job is answered.
    pub fn answered(&mut self, number: u32, place: u8) {
        let Some(slot) = slot(&mut self.slots, number) else {
            return;
        };
        let bit = 1_u32.checked_shl(u32::from(place)).unwrap_or(0);
        if slot.open & bit == 0 {
            return;
        }
        slot.open &= !bit;
        self.open -= 1;
        if place < slot.suspects {
            self.suspects -= 1;
        }
        if slot.open == 0 && slot.phase == Phase::Used {
            slot.phase = Phase::Free;
        }
    }

    /// The number of jobs of a slot that are known.
    pub fn length(&self, number: u32) -> usize {
        let index = usize::try_from(number).ok();
        let slot = index.and_then(|index| self.slots.get(index));
        slot.map_or(0, |slot| usize::from(slot.length))
    }

    /// True if the jobs of a slot have headers.
    pub fn is_old(&self, number: u32) -> bool {
        let index = usize::try_from(number).ok();
        let slot = index.and_then(|index| self.slots.get(index));
        slot.is_some_and(|slot| slot.is_old)
    }

    /// True if these are all jobs of a slot that are not answered, and nothing else can be in it.
    pub fn is_ended_by(&self, number: u32, bits: u32) -> bool {
        let index = usize::try_from(number).ok();
        let slot = index.and_then(|index| self.slots.get(index));
        slot.is_some_and(|slot| {
            slot.phase == Phase::Used && !slot.is_doubtful && bits != 0 && slot.open == bits
        })
    }

    /// The number of jobs that are not answered.
    pub fn open(&self) -> usize {
        self.open
    }

    /// True if there is a suspect, or may be one: in a slot that is retired, somebody may have put it there unseen.
    pub fn has_suspect(&self) -> bool {
        let may_have = |slot: &SlotState| slot.is_old && matches!(slot.phase, Phase::Retired(_));
        self.suspects > 0 || self.slots.iter().any(may_have)
    }

    /// The slots in use that have jobs.
    pub fn in_use(&self) -> Vec<OpenSlot> {
        let slots = (0..).zip(&self.slots);
        let used = slots.filter(|(_, slot)| slot.phase == Phase::Used && slot.open != 0);
        let used = used.map(|(number, slot)| OpenSlot {
            number,
            is_old: slot.is_old,
            length: usize::from(slot.length),
            open: slot.open,
        });
        used.collect()
    }

    /// Numbers of the slots that are in use, with what tells whether their jobs have headers.
    pub fn used(&self) -> Vec<(u32, bool)> {
        let slots = (0..).zip(&self.slots);
        let used = slots.filter(|(_, slot)| slot.phase != Phase::Free);
        used.map(|(number, slot)| (number, slot.is_old)).collect()
    }
}

fn slot(slots: &mut [SlotState], number: u32) -> Option<&mut SlotState> {
    slots.get_mut(usize::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_slot_is_free_when_all_of_its_jobs_are_answered() {
        let mut slots = Slots::default();
        let first = slots.begin(false, 2).unwrap();
        assert_eq!(slots.add(first, 3, 0), 0);
        slots.end_pull(first);
        let second = slots.begin(true, 2).unwrap();
        assert_eq!(slots.begin(false, 2), None);
        slots.end_pull(second);
        // Nothing came into it.
        assert_eq!(slots.begin(false, 2), Some(second));
        for place in [2, 0, 0, 1] {
            assert!(slots.open() > 0);
            slots.answered(first, place);
        }
        assert_eq!(slots.open(), 0);
        assert_eq!(slots.begin(false, 2), Some(first));
    }

    #[test]
    fn a_doubtful_slot_is_not_used_anew_until_its_list_is_seen_to_be_gone() {
        let mut slots = Slots::default();
        let (free, used) = (
            slots.begin(false, 9).unwrap(),
            slots.begin(false, 9).unwrap(),
        );
        slots.end_pull(free);
        slots.add(used, 1, 0);
        slots.doubt();
        assert_eq!(slots.doubtful(), [free]);
        let next = slots.begin(false, 9).unwrap();
        assert!(![free, used].contains(&next));
        // One that was in use is free later, and no less doubtful. One that is new is not.
        slots.answered(used, 0);
        slots.end_pull(next);
        assert_eq!(slots.doubtful(), [free, used]);
        assert_eq!(slots.begin(false, 9), Some(next));
        slots.trust(used);
        assert_eq!(
            (slots.begin(false, 9), slots.doubtful()),
            (Some(used), vec![free])
        );
    }

    #[test]
    fn a_full_slot_has_all_bits() {
        let mut slots = Slots::default();
        let slot = slots.begin(false, 1).unwrap();
        slots.add(slot, 31, 0);
        assert_eq!(slots.add(slot, 5, 0), 31);
        assert_eq!((slots.length(slot), slots.open()), (32, 32));
        (0..32).for_each(|place| slots.answered(slot, place));
        assert!(slots.used().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_retired_slot_is_used_again_when_all_that_is_in_it_is_known() {
        let mut slots = Slots::default();
        let slot = slots.begin(false, 1).unwrap();
        slots.add(slot, 1, 0);
        let until = Instant::now() + Duration::from_secs(7);
        slots.retire(slot, until);
        slots.answered(slot, 0);
        assert_eq!(slots.begin(false, 1), None);
        assert_eq!(slots.retired()[0].length, 1);
        assert_eq!(slots.add(slot, 1, 0), 1);
        slots.restore(slot);
        assert_eq!(slots.begin(false, 1), None);
        slots.answered(slot, 1);
        assert_eq!(slots.begin(false, 1), Some(slot));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_ended_by_the_last_of_its_jobs_if_all_that_is_in_it_is_known() {
        let mut slots = Slots::default();
        let slot = slots.begin(false, 1).unwrap();
        assert!(!slots.is_ended_by(slot, 0) && !slots.is_ended_by(7, 0b1));
        slots.add(slot, 3, 0);
        assert!(slots.is_ended_by(slot, 0b111));
        slots.answered(slot, 1);
        assert!(slots.is_ended_by(slot, 0b101));
        for bits in [0b111, 0b100, 0b001, 0] {
            assert!(!slots.is_ended_by(slot, bits));
        }
        slots.retire(slot, Instant::now());
        assert!(!slots.is_ended_by(slot, 0b101));
        slots.restore(slot);
        assert!(slots.is_ended_by(slot, 0b101));
        slots.doubt();
        assert!(!slots.is_ended_by(slot, 0b101));
    }

    #[test]
    fn a_suspect_counts_until_it_is_answered() {
        let mut slots = Slots::default();
        let slot = slots.begin(true, 1).unwrap();
        slots.add(slot, 3, 1);
        slots.answered(slot, 2);
        assert!(slots.has_suspect());
        slots.answered(slot, 0);
        assert!(!slots.has_suspect());
        assert_eq!(slots.open(), 1);
    }
}
