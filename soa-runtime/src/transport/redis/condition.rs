//! The condition of a master: working, or failing and why.
//!
//! All connections to a master report to its [`Condition`]: their purpose (pushing, taking requests, reading answers), and
//! success or failure. It alone writes to the log, so that a Redis that is away is one line and not one from each task that
//! notices. A failure, such as *connection refused* or `READONLY`, is logged when it begins, and again after half a minute
//! with the number of failures; it is logged, too, when everything that failed works again. A master that changes between
//! the two within moments is not logged each time.
//!
//! The condition also gives the pause before the next attempt, which grows with the time that the failure has lasted, and
//! the reason for calls that had no answer meanwhile.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use super::pause::random;

/// Time before a failure of the same kind is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Time after a recovery within which another failure counts as a relapse.
const RELAPSE_TIME: Duration = Duration::from_secs(5);

/// Time that a relapse must last before it is logged.
const RELAPSE_LOG_DELAY: Duration = Duration::from_secs(1);

/// Shortest and longest pause between two attempts.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Time without a failure after which pauses begin short again.
const STREAK_GAP: Duration = Duration::from_secs(3);

/// Largest number of kinds of failure that are told apart.
const MAX_KINDS: usize = 8;

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Pushing,
    TakingRequests,
    ReadingAnswers,
    /// Asking sentinels or cluster nodes for a master.
    FindingMaster,
}

/// A failure of a master.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The word that tells it apart from others: `READONLY`, or a kind of connection failure.
    pub(super) kind: String,
    /// The whole text, for people.
    pub(super) text: String,
    /// True if there is no connection, so that a new one ends the failure.
    pub(super) is_disconnected: bool,
}

/// The condition of a master.
#[derive(Debug)]
pub(super) struct Condition {
    redis: String,
    /// A bit for each [`Purpose`] that fails, and four more where the connection itself does.
    failing: AtomicU8,
    state: Mutex<ConditionState>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct ConditionState {
    outage: Option<Outage>,
    logged: Vec<LoggedKind>,
    /// End of the last outage.
    ended: Option<Instant>,
    last: Option<(String, Instant)>,
    /// Begin of the failures that follow each other closely.
    streak: Option<Instant>,
}

/// The time from the first failure to the next success.
#[derive(Debug)]
struct Outage {
    since: Instant,
    failures: u64,
    is_logged: bool,
}

/// A kind of failure that was logged.
#[derive(Debug)]
struct LoggedKind {
    kind: String,
    at: Instant,
    kept_back: u64,
}

impl Purpose {
    fn bit(self) -> u8 {
        match self {
            Self::Pushing => 1,
            Self::TakingRequests => 1 << 1,
            Self::ReadingAnswers => 1 << 2,
            Self::FindingMaster => 1 << 3,
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
            Self::FindingMaster => "finding the master",
        }
    }
}

impl Condition {
    /// The condition of a master that works, by its name for the log.
    pub(super) fn new(redis: impl Into<String>) -> Self {
        Self {
            redis: redis.into(),
            failing: AtomicU8::new(0),
            state: Mutex::default(),
            clock: Clock::default(),
        }
    }

    /// Its clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Records a failure, and logs it if that is due.
    pub(super) fn failed(&self, purpose: Purpose, failure: &Failure) {
        let bit = match failure.is_disconnected {
            true => purpose.bit() << 4,
            false => purpose.bit(),
        };
        let now = Instant::now();
        let mut state = self.state();
        self.failing.fetch_or(bit, Ordering::Relaxed);
        let is_streak = state
            .last
            .as_ref()
            .is_some_and(|(_, last)| now.duration_since(*last) < STREAK_GAP);
        if !is_streak {
            state.streak = Some(now);
        }
        state.last = Some((failure.text.clone(), now));
        let Some((failures, kept_back)) = state.log(&failure.kind, now) else {
            return;
        };
        drop(state);
        let (redis, doing, error) = (&*self.redis, purpose.as_str(), &*failure.text);
        tracing::warn!(redis, doing, error, failures, kept_back, "Redis failed");
    }

    /// Records a success, which costs nothing while nothing fails.
    pub(super) fn works(&self, purpose: Purpose) {
        self.mend(purpose.bits());
    }

    /// Records a new connection.
    pub(super) fn connected(&self, purpose: Purpose) {
        self.mend(purpose.bit() << 4);
    }

    /// Forgets a purpose that no connection has any more: it may fail or work.
    pub(super) fn forget(&self, purpose: Purpose) {
        let bits = purpose.bits();
        let mut state = self.state();
        let before = self.failing.fetch_and(!bits, Ordering::Relaxed);
        if before & !bits == 0 {
            state.outage = None;
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
        let Some(outage) = state.outage.take().filter(|outage| outage.is_logged) else {
            return;
        };
        drop(state);
        let (redis, failures) = (&*self.redis, outage.failures);
        let after = outage.since.elapsed();
        tracing::info!(redis, ?after, failures, "Redis works again");
    }

    /// Begin of the outage, if there is one.
    pub(super) fn since(&self) -> Option<Instant> {
        let state = self.state();
        state.outage.as_ref().map(|outage| outage.since)
    }

    /// Pause before the next attempt: a part of the time that the failures have lasted.
    pub(super) fn pause(&self) -> Duration {
        let streak = self.state().streak;
        let (shortest, longest) = RETRY_PAUSE;
        let age = streak.map_or(Duration::ZERO, |streak| streak.elapsed());
        // Not all at the same moment.
        (age / 4)
            .clamp(shortest, longest)
            .mul_f64(0.75 + random() / 2.0)
    }

    /// The last failure within this time, or of the outage that still lasts.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        let state = self.state();
        let (text, last) = state.last.as_ref()?;
        // Nobody may have tried for some time.
        let is_open = state.outage.is_some() && last.elapsed() < LOG_INTERVAL;
        (is_open || last.elapsed() <= within).then(|| text.clone())
    }

    fn state(&self) -> MutexGuard<'_, ConditionState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConditionState {
    /// Counts a failure. If it has to be logged, the number of failures, and of those of its kind that were kept back.
    fn log(&mut self, kind: &str, now: Instant) -> Option<(u64, u64)> {
        let is_relapse = self
            .ended
            .is_some_and(|ended| now.duration_since(ended) < RELAPSE_TIME);
        let outage = self.outage.get_or_insert(Outage {
            since: now,
            failures: 0,
            is_logged: false,
        });
        outage.failures += 1;
        let index = self.logged.iter().position(|logged| logged.kind == kind);
        let lasts = || now.duration_since(outage.since) >= RELAPSE_LOG_DELAY;
        let is_new = !outage.is_logged && (!is_relapse || lasts());
        if let Some(logged) = index.and_then(|index| self.logged.get_mut(index))
            && !is_new
            && now.duration_since(logged.at) < LOG_INTERVAL
        {
            logged.kept_back += 1;
            return None;
        }
        outage.is_logged = true;
        let failures = outage.failures;
        let old = index.or((self.logged.len() >= MAX_KINDS).then_some(0));
        let old = old.map(|index| self.logged.remove(index));
        let kept_back = old
            .filter(|old| old.kind == kind)
            .map_or(0, |old| old.kept_back);
        self.logged.push(LoggedKind {
            kind: kind.to_owned(),
            at: now,
            kept_back: 0,
        });
        Some((failures, kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: &str, is_disconnected: bool) -> Failure {
        Failure {
            kind: kind.to_owned(),
            text: format!("{kind} and more"),
            is_disconnected,
        }
    }

    async fn after(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_logged_when_it_begins_and_again_after_a_while() {
        let mut state = ConditionState::default();
        assert_eq!(state.log("READONLY", Instant::now()), Some((1, 0)));
        for _ in 0..99 {
            assert_eq!(state.log("READONLY", Instant::now()), None);
        }
        assert_eq!(state.log("refused", Instant::now()), Some((101, 0)));
        after(LOG_INTERVAL).await;
        assert_eq!(state.log("READONLY", Instant::now()), Some((102, 99)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_relapse_is_logged_when_it_lasts_and_a_later_failure_at_once() {
        let condition = Condition::new("x");
        let failed = || condition.failed(Purpose::Pushing, &failure("OOM", false));
        let logged = || {
            let state = condition.state();
            state.outage.as_ref().is_some_and(|outage| outage.is_logged)
        };
        failed();
        assert!(logged());
        for _ in 0..20 {
            condition.works(Purpose::Pushing);
            after(Duration::from_millis(50)).await;
            failed();
            assert!(!logged());
        }
        // Now it lasts.
        after(RELAPSE_LOG_DELAY).await;
        failed();
        assert!(logged());
        condition.works(Purpose::Pushing);
        after(RELAPSE_TIME).await;
        failed();
        assert!(logged());
    }

    #[test]
    fn it_works_again_when_all_that_failed_does() {
        let condition = Condition::new("x");
        condition.failed(Purpose::Pushing, &failure("MISCONF", false));
        condition.failed(Purpose::TakingRequests, &failure("refused", true));
        condition.works(Purpose::ReadingAnswers);
        condition.connected(Purpose::Pushing);
        condition.connected(Purpose::TakingRequests);
        assert!(condition.state().outage.is_some());
        condition.works(Purpose::Pushing);
        assert!(condition.state().outage.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_with_the_time_and_begin_small_again() {
        let condition = Condition::new("x");
        let mut pauses = Vec::new();
        for _ in 0..100 {
            condition.failed(Purpose::Pushing, &failure("refused", true));
            let pause = condition.pause();
            pauses.push(pause);
            after(pause).await;
        }
        assert!(pauses[0] < RETRY_PAUSE.0 * 2, "{pauses:?}");
        assert!(
            pauses[99] > RETRY_PAUSE.1 / 2 && pauses[99] < RETRY_PAUSE.1 * 2,
            "{pauses:?}"
        );
        after(STREAK_GAP * 2).await;
        condition.failed(Purpose::Pushing, &failure("refused", true));
        assert!(condition.pause() < RETRY_PAUSE.0 * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_hear_what_was_wrong_while_they_waited() {
        let condition = Condition::new("x");
        assert_eq!(condition.trouble(RELAPSE_TIME), None);
        condition.failed(Purpose::ReadingAnswers, &failure("READONLY", false));
        after(RELAPSE_TIME * 2).await;
        assert_eq!(
            condition.trouble(RELAPSE_TIME).unwrap(),
            "READONLY and more"
        );
        condition.works(Purpose::ReadingAnswers);
        assert_eq!(condition.trouble(RELAPSE_TIME), None);
        assert!(condition.trouble(RELAPSE_TIME * 3).is_some());
    }
}
