//! The messages that wait to be pushed to one list.
//!
//! They leave in the order in which they came. While the list or its Redis does not take them, each has a time at which
//! it is given up, so that its sender hears why: a moment before its deadline, or, when the list is full, once it was
//! offered for long enough. Times are sorted by a heap that exists in such times only; a message in the middle leaves a
//! gap behind. So a wait costs little however many wait, and a push without a wait nothing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::message::{Message, Receipt};

/// Time before its deadline at which a message that could not be sent is given up, so that its sender hears why; at most a
/// quarter of the time that it had.
const GIVE_UP_MARGIN: Duration = Duration::from_millis(100);

/// The messages for one list that are not pushed yet.
#[derive(Debug)]
pub(super) struct Backlog<R> {
    queue: VecDeque<Option<Waiting<R>>>,
    /// Number of the first place in the queue; places are numbered consecutively.
    first: i64,
    count: usize,
    /// Longest time that a message is offered to a full list.
    patience: Duration,
    /// Time since which the list is full, while it is.
    full_since: Option<Instant>,
    /// Times at which messages have to be given up, and their numbers; only while the list or its Redis takes none.
    times: Option<BinaryHeap<Reverse<(Instant, i64)>>>,
}

#[derive(Debug)]
pub(super) struct Waiting<R> {
    pub(super) message: Message<R>,
    give_up: Instant,
}

impl<R: Receipt> Backlog<R> {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            queue: VecDeque::new(),
            first: 0,
            count: 0,
            patience,
            full_since: None,
            times: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// True if the list took less than it was given the last time.
    pub(super) fn is_full(&self) -> bool {
        self.full_since.is_some()
    }

    /// True if messages are not accepted at present, for whatever reason.
    pub(super) fn is_waiting(&self) -> bool {
        self.times.is_some()
    }

    pub(super) fn push(&mut self, message: Message<R>) {
        let left = message.deadline.saturating_duration_since(message.since);
        let give_up = message.since + (left - GIVE_UP_MARGIN.min(left / 4));
        if let Some(times) = &mut self.times {
            let number = self.first + offset(self.queue.len());
            times.push(Reverse((give_up, number)));
        }
        self.queue.push_back(Some(Waiting { message, give_up }));
        self.count += 1;
    }

    /// Takes the first messages, up to a number and about a number of bytes. A message in several pieces comes alone.
    pub(super) fn take(&mut self, limit: usize, limit_bytes: usize) -> Vec<Waiting<R>> {
        let mut batch = Vec::with_capacity(limit.min(self.count));
        let mut bytes = 0;
        while let Some(front) = self.queue.front() {
            if let Some(Waiting { message, .. }) = front {
                bytes += message.frame.len();
                let is_apart = !message.more.is_empty() || bytes > limit_bytes;
                if batch.len() >= limit || is_apart && !batch.is_empty() {
                    break;
                }
                self.count -= 1;
                let is_alone = !message.more.is_empty();
                batch.extend(self.queue.pop_front().flatten());
                self.first += 1;
                if is_alone {
                    break;
                }
            } else {
                self.queue.pop_front();
                self.first += 1;
            }
        }
        batch
    }

    /// Puts messages back that were not accepted.
    pub(super) fn put_back(&mut self, batch: Vec<Waiting<R>>) {
        for waiting in batch.into_iter().rev() {
            self.first -= 1;
            self.count += 1;
            if let Some(times) = &mut self.times {
                times.push(Reverse((waiting.give_up, self.first)));
            }
            self.queue.push_front(Some(waiting));
        }
    }

    /// Begins, or goes on, to watch the times: there is no connection, or the list is full, or messages were refused.
    pub(super) fn wait(&mut self, is_full: bool) {
        if is_full {
            self.full_since.get_or_insert_with(Instant::now);
        } else {
            self.full_since = None;
        }
        if self.times.is_none() {
            let numbered = self.queue.iter().zip(self.first..);
            let times = numbered
                .filter_map(|(waiting, number)| Some(Reverse((waiting.as_ref()?.give_up, number))));
            self.times = Some(times.collect());
        }
    }

    /// Stops to watch the times: messages are accepted again.
    pub(super) fn go_on(&mut self) {
        self.full_since = None;
        self.times = None;
    }

    /// The time at which the next message has to be given up.
    pub(super) fn next_time(&mut self) -> Option<Instant> {
        let impatient = self.front().map(|front| front.message.since);
        let impatient = impatient.zip(self.full_since);
        let impatient = impatient.map(|(since, full)| since.max(full) + self.patience);
        let late = loop {
            let Some(Reverse((time, number))) =
                self.times.as_mut().and_then(|times| times.peek().copied())
            else {
                break None;
            };
            if self.place(number).is_some_and(|place| place.is_some()) {
                break Some(time);
            }
            self.times.as_mut().and_then(BinaryHeap::pop);
        };
        impatient.into_iter().chain(late).min()
    }

    /// Takes the messages that cannot wait longer.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<Waiting<R>> {
        let mut expired = Vec::new();
        while let Some(Reverse((time, number))) =
            self.times.as_ref().and_then(BinaryHeap::peek).copied()
            && time <= now
        {
            self.times.as_mut().and_then(BinaryHeap::pop);
            expired.extend(self.place(number).and_then(Option::take));
        }
        self.count -= expired.len();
        while let Some(full_since) = self.full_since
            && let Some(front) = self.front()
            && front.message.since.max(full_since) + self.patience <= now
        {
            expired.extend(self.take(1, usize::MAX));
        }
        expired
    }

    /// Takes the messages for which this is so.
    pub(super) fn recall(&mut self, is_meant: impl Fn(&R) -> bool) -> Vec<Waiting<R>> {
        let is_meant = |waiting: &mut Waiting<R>| is_meant(&waiting.message.receipt);
        let places = self.queue.iter_mut();
        let recalled: Vec<_> = places.filter_map(|place| place.take_if(is_meant)).collect();
        self.count -= recalled.len();
        recalled
    }

    /// Takes all messages.
    pub(super) fn all(&mut self) -> Vec<Waiting<R>> {
        self.count = 0;
        self.first += offset(self.queue.len());
        self.queue.drain(..).flatten().collect()
    }

    /// The first message that waits. Gaps before it are removed.
    fn front(&mut self) -> Option<&Waiting<R>> {
        while let Some(None) = self.queue.front() {
            self.queue.pop_front();
            self.first += 1;
        }
        self.queue.front().and_then(Option::as_ref)
    }

    fn place(&mut self, number: i64) -> Option<&mut Option<Waiting<R>>> {
        let index = usize::try_from(number - self.first).ok()?;
        self.queue.get_mut(index)
    }
}

fn offset(length: usize) -> i64 {
    // A queue is far shorter.
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use soa_runtime::TransportError;

    struct Number(u64);

    impl Receipt for Number {
        fn is_wanted(&self) -> bool {
            true
        }

        fn done(self, _: Result<(), TransportError>) {}
    }

    fn message(number: u64, time: Duration) -> Message<Number> {
        Message {
            frame: Bytes::from_static(b"frame"),
            more: Vec::new(),
            lifetime: time,
            since: Instant::now(),
            deadline: Instant::now() + time,
            receipt: Number(number),
        }
    }

    fn numbers(batch: &[Waiting<Number>]) -> Vec<u64> {
        let receipts = batch.iter().map(|waiting| waiting.message.receipt.0);
        receipts.collect()
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_cannot_wait_longer_goes_first_and_the_others_keep_their_order() {
        let mut backlog = Backlog::new(seconds(1000));
        for (number, time) in [(0, 60), (1, 10), (2, 60), (3, 5)] {
            backlog.push(message(number, seconds(time)));
        }
        let taken = backlog.take(2, usize::MAX);
        assert_eq!(numbers(&taken), [0, 1]);
        backlog.put_back(taken);
        backlog.wait(false);
        backlog.push(message(4, seconds(7)));
        // A moment before the deadline.
        let first = backlog.next_time().unwrap() - Instant::now();
        assert_eq!(first, seconds(5) - GIVE_UP_MARGIN);
        tokio::time::advance(seconds(8)).await;
        assert_eq!(numbers(&backlog.expired(Instant::now())), [3, 4]);
        tokio::time::advance(seconds(8)).await;
        assert_eq!(numbers(&backlog.expired(Instant::now())), [1]);
        assert_eq!(backlog.len(), 2);
        backlog.go_on();
        assert_eq!(numbers(&backlog.take(9, usize::MAX)), [0, 2]);
        assert_eq!(backlog.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_with_a_full_list_counts_from_when_it_was_full() {
        let mut backlog = Backlog::new(seconds(2));
        backlog.push(message(0, seconds(60)));
        // There was no connection for longer than that.
        backlog.wait(false);
        tokio::time::advance(seconds(5)).await;
        assert!(backlog.expired(Instant::now()).is_empty());
        backlog.wait(true);
        tokio::time::advance(seconds(1)).await;
        backlog.push(message(1, seconds(60)));
        assert!(backlog.expired(Instant::now()).is_empty());
        tokio::time::advance(seconds(1)).await;
        assert_eq!(numbers(&backlog.expired(Instant::now())), [0]);
        assert_eq!(backlog.next_time().unwrap() - Instant::now(), seconds(1));
        tokio::time::advance(seconds(1)).await;
        assert_eq!(numbers(&backlog.expired(Instant::now())), [1]);
        assert_eq!(backlog.next_time(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_in_pieces_comes_alone_and_bytes_have_a_bound() {
        let mut backlog = Backlog::new(seconds(2));
        for number in 0..5 {
            let mut message = message(number, seconds(60));
            if number == 1 {
                message.more = vec![Bytes::from_static(b"more")];
            }
            backlog.push(message);
        }
        let mut take = || numbers(&backlog.take(9, 10));
        assert_eq!(
            [take(), take(), take(), take(), take()].concat(),
            [0, 1, 2, 3, 4]
        );
        let mut backlog = Backlog::new(seconds(2));
        (0..5).for_each(|number| backlog.push(message(number, seconds(60))));
        assert_eq!(numbers(&backlog.take(9, 10)), [0, 1]);
        assert_eq!(numbers(&backlog.all()), [2, 3, 4]);
    }

    /// With a look at all of them for each, it would take minutes.
    #[tokio::test(start_paused = true)]
    async fn many_that_wait_and_expire_one_by_one_cost_little() {
        const COUNT: u64 = 200_000;
        let mut backlog = Backlog::new(seconds(100_000));
        backlog.wait(true);
        for number in 0..COUNT {
            backlog.push(message(number, seconds(1) + Duration::from_micros(number)));
        }
        let mut expired = 0;
        while let Some(time) = backlog.next_time() {
            expired += backlog.expired(time).len();
        }
        assert_eq!((expired, backlog.len()), (200_000, 0));
    }
}
