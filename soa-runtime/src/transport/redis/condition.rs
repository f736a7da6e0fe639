//! Whether a master works, and what is wrong with it.
//!
//! All connections to a master report to its [`Condition`]: what they do there (pushing, taking requests, reading
//! answers), and whether it failed. It is the one place that tells of it in the log, so that a Redis that is away is one
//! line and not one from each task that notices. A state, such as *refused* or `READONLY`, is told when it begins, and
//! again after half a minute with the number of failures; and it is told when everything that failed works again. A master
//! that changes between the two within moments is not told each time.
//!
//! From the condition also follow how long to wait before the next attempt, which grows with the time that it has lasted, and
//! what a call is told that had no answer meanwhile.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::pause::random;

/// How long a state that was told is not told again.
const QUIET: Duration = Duration::from_secs(30);

/// A state that is back this soon is the same one. It is told when it has lasted for [`LASTING`].
const SOON: Duration = Duration::from_secs(5);
const LASTING: Duration = Duration::from_secs(1);

/// Shortest and longest pause before something is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// After so long without a failure, pauses begin small again.
const CALM: Duration = Duration::from_secs(3);

/// So many different states are told apart.
const STATES: usize = 8;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Pushing,
    TakingRequests,
    ReadingAnswers,
    /// To find out where a master is.
    Finding,
}

/// What went wrong.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// A word for the state, by which it is told apart from others: `READONLY`, or a kind of connection failure.
    pub(super) state: String,
    /// All of it, for people.
    pub(super) text: String,
    /// Whether there is no connection, so that a new one is the end of it.
    pub(super) is_disconnected: bool,
}

/// The condition of a master.
#[derive(Debug)]
pub(super) struct Condition {
    redis: String,
    /// What fails just now: a bit for each of [`Doing`], and four more where the connection itself does.
    failing: AtomicU8,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    trouble: Option<Trouble>,
    told: Vec<Told>,
    /// When the last trouble ended.
    ended: Option<Instant>,
    last: Option<(String, Instant)>,
    /// Since when it fails again and again.
    streak: Option<Instant>,
}

#[derive(Debug)]
struct Trouble {
    since: Instant,
    failures: u64,
    is_told: bool,
}

#[derive(Debug)]
struct Told {
    state: String,
    at: Instant,
    kept_back: u64,
}

impl Doing {
    fn bit(self) -> u8 {
        match self {
            Self::Pushing => 1,
            Self::TakingRequests => 1 << 1,
            Self::ReadingAnswers => 1 << 2,
            Self::Finding => 1 << 3,
        }
    }

    fn bits(self) -> u8 {
        self.bit() | self.bit() << 4
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Pushing => "pushing messages",
            Self::TakingRequests => "taking requests",
            Self::ReadingAnswers => "reading answers",
            Self::Finding => "finding the master",
        }
    }
}

impl Condition {
    /// Of a master, by the name that the log has for it. Nothing is known against it.
    pub(super) fn new(redis: impl Into<String>) -> Self {
        Self {
            redis: redis.into(),
            failing: AtomicU8::new(0),
            state: Mutex::default(),
        }
    }

    /// Something failed.
    pub(super) fn failed(&self, doing: Doing, failure: &Failure) {
        let bit = match failure.is_disconnected {
            true => doing.bit() << 4,
            false => doing.bit(),
        };
        let now = Instant::now();
        let mut state = self.state();
        self.failing.fetch_or(bit, Ordering::Relaxed);
        let is_streak = state
            .last
            .as_ref()
            .is_some_and(|(_, last)| now.duration_since(*last) < CALM);
        if !is_streak {
            state.streak = Some(now);
        }
        state.last = Some((failure.text.clone(), now));
        let Some((failures, kept_back)) = state.tell(&failure.state, now) else {
            return;
        };
        drop(state);
        let (redis, doing, error) = (&*self.redis, doing.as_str(), &*failure.text);
        tracing::warn!(
            redis,
            doing,
            error,
            failures,
            kept_back,
            "Redis does not work"
        );
    }

    /// Something worked. Costs nothing while nothing is wrong.
    pub(super) fn works(&self, doing: Doing) {
        self.mend(doing.bits());
    }

    /// There is a connection again.
    pub(super) fn connected(&self, doing: Doing) {
        self.mend(doing.bit() << 4);
    }

    /// Nobody does this any more: whether it would fail is not known.
    pub(super) fn forget(&self, doing: Doing) {
        let bits = doing.bits();
        let mut state = self.state();
        let before = self.failing.fetch_and(!bits, Ordering::Relaxed);
        if before & !bits == 0 {
            state.trouble = None;
        }
    }

    fn mend(&self, bits: u8) {
        if self.failing.load(Ordering::Relaxed) & bits == 0 {
            return;
        }
        let mut state = self.state();
        let before = self.failing.fetch_and(!bits, Ordering::Relaxed);
        if before & !bits != 0 || before == 0 {
            return;
        }
        state.ended = Some(Instant::now());
        let Some(trouble) = state.trouble.take().filter(|trouble| trouble.is_told) else {
            return;
        };
        drop(state);
        let (redis, failures) = (&*self.redis, trouble.failures);
        let after = trouble.since.elapsed();
        tracing::info!(redis, ?after, failures, "Redis works again");
    }

    /// Since when there are failures, if there are.
    pub(super) fn since(&self) -> Option<Instant> {
        let state = self.state();
        state.trouble.as_ref().map(|trouble| trouble.since)
    }

    /// How long to wait before the next attempt: a part of the time for which it has failed already.
    pub(super) fn pause(&self) -> Duration {
        let streak = self.state().streak;
        let (shortest, longest) = PAUSE;
        let age = streak.map_or(Duration::ZERO, |streak| streak.elapsed());
        // Not all at the same moment.
        (age / 4)
            .clamp(shortest, longest)
            .mul_f64(0.75 + random() / 2.0)
    }

    /// What was wrong in this time, or still is.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        let state = self.state();
        let (text, last) = state.last.as_ref()?;
        // Nobody may have tried for some time.
        let is_open = state.trouble.is_some() && last.elapsed() < QUIET;
        (is_open || last.elapsed() <= within).then(|| text.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a failure. When it is to be told, how many there were, and how many of its kind were kept back.
    fn tell(&mut self, name: &str, now: Instant) -> Option<(u64, u64)> {
        let is_back = self
            .ended
            .is_some_and(|ended| now.duration_since(ended) < SOON);
        let trouble = self.trouble.get_or_insert(Trouble {
            since: now,
            failures: 0,
            is_told: false,
        });
        trouble.failures += 1;
        let index = self.told.iter().position(|told| told.state == name);
        let is_new = !trouble.is_told && (!is_back || now.duration_since(trouble.since) >= LASTING);
        if let Some(told) = index.and_then(|index| self.told.get_mut(index))
            && !is_new
            && now.duration_since(told.at) < QUIET
        {
            told.kept_back += 1;
            return None;
        }
        trouble.is_told = true;
        let failures = trouble.failures;
        let old = index.or((self.told.len() >= STATES).then_some(0));
        let old = old.map(|index| self.told.remove(index));
        let kept_back = old
            .filter(|old| old.state == name)
            .map_or(0, |old| old.kept_back);
        self.told.push(Told {
            state: name.to_owned(),
            at: now,
            kept_back: 0,
        });
        Some((failures, kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(state: &str, is_disconnected: bool) -> Failure {
        Failure {
            state: state.to_owned(),
            text: format!("{state} and more"),
            is_disconnected,
        }
    }

    async fn after(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_is_told_when_it_begins_and_again_after_a_while() {
        let mut state = State::default();
        assert_eq!(state.tell("READONLY", Instant::now()), Some((1, 0)));
        for _ in 0..99 {
            assert_eq!(state.tell("READONLY", Instant::now()), None);
        }
        assert_eq!(state.tell("refused", Instant::now()), Some((101, 0)));
        after(QUIET).await;
        assert_eq!(state.tell("READONLY", Instant::now()), Some((102, 99)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_and_goes_within_moments_is_told_seldom_and_what_comes_back_later_at_once() {
        let condition = Condition::new("x");
        let failed = || condition.failed(Doing::Pushing, &failure("OOM", false));
        let told = || {
            let state = condition.state();
            state
                .trouble
                .as_ref()
                .is_some_and(|trouble| trouble.is_told)
        };
        failed();
        assert!(told());
        for _ in 0..20 {
            condition.works(Doing::Pushing);
            after(Duration::from_millis(50)).await;
            failed();
            assert!(!told());
        }
        // Now it lasts.
        after(LASTING).await;
        failed();
        assert!(told());
        condition.works(Doing::Pushing);
        after(SOON).await;
        failed();
        assert!(told());
    }

    #[test]
    fn it_works_again_when_all_that_failed_does() {
        let condition = Condition::new("x");
        condition.failed(Doing::Pushing, &failure("MISCONF", false));
        condition.failed(Doing::TakingRequests, &failure("refused", true));
        condition.works(Doing::ReadingAnswers);
        condition.connected(Doing::Pushing);
        condition.connected(Doing::TakingRequests);
        assert!(condition.state().trouble.is_some());
        condition.works(Doing::Pushing);
        assert!(condition.state().trouble.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_with_the_time_and_begin_small_again() {
        let condition = Condition::new("x");
        let mut pauses = Vec::new();
        for _ in 0..100 {
            condition.failed(Doing::Pushing, &failure("refused", true));
            let pause = condition.pause();
            pauses.push(pause);
            after(pause).await;
        }
        assert!(pauses[0] < PAUSE.0 * 2, "{pauses:?}");
        assert!(
            pauses[99] > PAUSE.1 / 2 && pauses[99] < PAUSE.1 * 2,
            "{pauses:?}"
        );
        after(CALM * 2).await;
        condition.failed(Doing::Pushing, &failure("refused", true));
        assert!(condition.pause() < PAUSE.0 * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_hear_what_was_wrong_while_they_waited() {
        let condition = Condition::new("x");
        assert_eq!(condition.trouble(SOON), None);
        condition.failed(Doing::ReadingAnswers, &failure("READONLY", false));
        after(SOON * 2).await;
        assert_eq!(condition.trouble(SOON).unwrap(), "READONLY and more");
        condition.works(Doing::ReadingAnswers);
        assert_eq!(condition.trouble(SOON), None);
        assert!(condition.trouble(SOON * 3).is_some());
    }
}
