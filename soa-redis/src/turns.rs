//! Shares of the masters of a ring in the requests that a server has room for.
//!
//! A request is only taken when it can be started, and a pop that waits may bring as many as it asked for. So what the
//! run loop has room for is shared among the pops that are under way, one for each master, and together they never ask for
//! more. While there is room for all, each master has a pop that waits, with half of its share, so that those which are
//! busy find room left. When there is less, masters take turns: each is asked without waiting, and when none has
//! anything, one of them is waited for, shortly.

use std::time::Duration;

/// Time limit of a pop when masters take turns.
const TURN_BLOCK: Duration = Duration::from_millis(100);

/// Longest time limit of a pop when there are several masters, which may need its share by then.
const SHARE_BLOCK: Duration = Duration::from_secs(1);

/// The shares of the masters of a ring.
#[derive(Debug)]
pub(super) struct Turns {
    masters: Vec<MasterShare>,
    /// Index of the next master when they take turns.
    next: usize,
    /// Number of turns in a row without a request.
    fruitless: usize,
}

#[derive(Clone, Debug, Default)]
struct MasterShare {
    is_up: bool,
    /// Number of requests that the pop under way may bring.
    taken: usize,
    /// True if that pop is a turn.
    is_turn: bool,
}

/// The share of one pop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) count: usize,
    /// Time limit of the pop; zero for not waiting at all.
    pub(super) block: Duration,
}

impl Turns {
    pub(super) fn new(masters: usize) -> Self {
        Self {
            masters: vec![MasterShare::default(); masters],
            next: 0,
            fruitless: 0,
        }
    }

    /// Records that a master can be reached, or that it cannot and has no turns.
    pub(super) fn set_up(&mut self, index: usize, is_up: bool) {
        if let Some(master) = self.masters.get_mut(index) {
            master.is_up = is_up;
        }
        if !is_up && self.next == index {
            self.pass_on();
        }
    }

    /// Begins a pop from a master, with `room` for all requests, those included that other pops may bring. `None` if the
    /// master has to wait.
    pub(super) fn begin(&mut self, index: usize, room: usize, block: Duration) -> Option<Turn> {
        let count = self.masters.len();
        let taken: usize = self.masters.iter().map(|master| master.taken).sum();
        let free = room.checked_sub(taken).filter(|free| *free > 0)?;
        let turn = if count == 1 {
            Turn { count: free, block }
        } else if room >= 2 * count {
            Turn {
                count: free.min(room / (2 * count)),
                block: block.min(SHARE_BLOCK),
            }
        } else {
            if self
                .masters
                .get(self.next)
                .is_none_or(|master| !master.is_up)
            {
                self.pass_on();
            }
            let has_turn = self.masters.iter().any(|master| master.is_turn);
            if has_turn || self.next != index {
                return None;
            }
            let is_waiting =
                self.fruitless >= self.masters.iter().filter(|master| master.is_up).count();
            self.pass_on();
            self.masters.get_mut(index)?.is_turn = true;
            Turn {
                count: free.min(room.div_ceil(count)),
                block: if is_waiting {
                    block.min(TURN_BLOCK)
                } else {
                    Duration::ZERO
                },
            }
        };
        self.masters.get_mut(index)?.taken = turn.count;
        Some(turn)
    }

    /// Ends a pop.
    pub(super) fn end(&mut self, index: usize, brought: usize) {
        let Some(master) = self.masters.get_mut(index) else {
            return;
        };
        master.taken = 0;
        if std::mem::take(&mut master.is_turn) {
            self.fruitless = if brought == 0 {
                self.fruitless.saturating_add(1)
            } else {
                0
            };
        }
    }

    /// Gives the turn to the next one that can be reached.
    fn pass_on(&mut self) {
        let count = self.masters.len();
        for _ in 0..count {
            self.next = (self.next + 1) % count;
            if self
                .masters
                .get(self.next)
                .is_some_and(|master| master.is_up)
            {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Duration = Duration::from_secs(5);

    fn turns(masters: usize) -> Turns {
        let mut turns = Turns::new(masters);
        (0..masters).for_each(|index| turns.set_up(index, true));
        turns
    }

    fn turn(count: usize, block: Duration) -> Option<Turn> {
        Some(Turn { count, block })
    }

    #[test]
    fn a_single_master_has_all_the_room() {
        let mut turns = turns(1);
        assert_eq!(turns.begin(0, 32, BLOCK), turn(32, BLOCK));
        turns.end(0, 32);
        assert_eq!(turns.begin(0, 0, BLOCK), None);
        assert_eq!(turns.begin(0, 1, BLOCK), turn(1, BLOCK));
    }

    #[test]
    fn pops_together_never_ask_for_more_than_there_is_room_for() {
        let mut turns = turns(3);
        for room in 1..40 {
            let asked: usize = (0..3)
                .filter_map(|index| turns.begin(index, room, BLOCK))
                .map(|turn| turn.count)
                .sum();
            assert!((1..=room).contains(&asked), "{room}: {asked}");
            (0..3).for_each(|index| turns.end(index, 1));
        }
    }

    #[test]
    fn a_busy_master_finds_room_while_the_others_wait() {
        let mut turns = turns(3);
        for index in 0..3 {
            assert_eq!(turns.begin(index, 32, BLOCK), turn(5, SHARE_BLOCK));
        }
        turns.end(0, 5);
        assert_eq!(turns.begin(0, 27, BLOCK), turn(4, SHARE_BLOCK));
    }

    #[test]
    fn with_little_room_masters_take_turns_and_one_is_waited_for_when_none_has_anything() {
        let mut turns = turns(3);
        for (index, block) in [
            (0, Duration::ZERO),
            (1, Duration::ZERO),
            (2, Duration::ZERO),
            (0, TURN_BLOCK),
            (1, TURN_BLOCK),
        ] {
            for other in (0..3).filter(|other| *other != index) {
                assert_eq!(turns.begin(other, 1, BLOCK), None);
            }
            assert_eq!(turns.begin(index, 1, BLOCK), turn(1, block));
            assert_eq!(
                turns.begin((index + 1) % 3, 1, BLOCK),
                None,
                "one at a time"
            );
            turns.end(index, 0);
        }
        // What one turn brings starts the round again.
        turns.begin(2, 1, BLOCK);
        turns.end(2, 1);
        assert_eq!(turns.begin(0, 1, BLOCK), turn(1, Duration::ZERO));
    }

    #[test]
    fn a_master_that_cannot_be_reached_holds_up_nobody() {
        let mut turns = turns(3);
        turns.set_up(0, false);
        assert_eq!(turns.begin(1, 1, BLOCK), turn(1, Duration::ZERO));
        turns.end(1, 0);
        assert_eq!(turns.begin(2, 1, BLOCK), turn(1, Duration::ZERO));
        turns.end(2, 0);
        assert_eq!(turns.begin(1, 1, BLOCK), turn(1, TURN_BLOCK));
    }
}
