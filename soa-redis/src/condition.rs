//! The condition of a master: working, or failing and why.
//!
//! All connections to a master report to its [`Condition`]: their purpose (pushing, taking requests, reading answers), and
//! success or failure. It alone writes to the log, so that a Redis that is away is one line and not one from each task that
//! notices. A failure, such as *connection refused* or `READONLY`, is logged when it begins; while it lasts, every ten seconds
//! with the number of failures; and when everything that failed works again. A connection that comes and goes within moments
//! is not logged each time. A Redis that is connected and refuses commands may take one and refuse the next, as its memory is
//! full or nearly so: that is one outage, which ends when nothing has failed for some seconds.
//!
//! The condition also gives the pause before the next attempt, which grows with the time for which no connection works, and
//! the reason for calls that had no answer meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::clock::Clock;
use super::pause::random;

/// Time before a failure of the same kind is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Time between two lines about an outage that lasts.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Time without a failure after which a Redis that has refused commands works again.
const CALM_TIME: Duration = Duration::from_secs(5);

/// Interval in which an outage is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Time after a recovery within which another failure counts as a relapse.
const RELAPSE_TIME: Duration = Duration::from_secs(5);

/// Time that a relapse must last before it is logged.
const RELAPSE_LOG_DELAY: Duration = Duration::from_secs(1);

/// Shortest and longest pause between two attempts.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Time without a failure after which pauses begin short again.
const STREAK_GAP: Duration = Duration::from_secs(3);

/// Time that a new connection must have worked for its end to be a failure of its own, and not one more of a series.
const STABLE_TIME: Duration = Duration::from_millis(100);

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
    shared: Arc<ConditionShared>,
    clock: Clock,
    /// True while it is given up, as one of several masters.
    is_lost: AtomicBool,
}

/// The state that a condition shares with the task that reports an outage.
#[derive(Debug)]
struct ConditionShared {
    redis: String,
    /// A bit for each [`Purpose`] that fails, and four more where the connection itself does.
    failing: AtomicU8,
    state: Mutex<ConditionState>,
}

#[derive(Debug, Default)]
struct ConditionState {
    outage: Option<Outage>,
    /// Begin of the present failures, while something fails.
    failing_since: Option<Instant>,
    /// True while a task reports.
    is_reported: bool,
    logged: Vec<LoggedKind>,
    /// End of the last outage.
    ended: Option<Instant>,
    last: Option<(String, Instant)>,
    /// Begin of the failures that follow each other closely, and without a connection that worked.
    streak: Option<Instant>,
    /// Time of the last new connection, if nothing has failed since.
    connected: Option<Instant>,
}

/// The time from the first failure to when all works again.
#[derive(Debug)]
struct Outage {
    since: Instant,
    /// The purpose that failed last, and the time of that.
    doing: Purpose,
    last: Instant,
    failures: u64,
    /// Number of messages that were not sent.
    unsent: u64,
    is_logged: bool,
    /// True if Redis has refused commands: what works is no proof then that all does.
    is_refused: bool,
    /// Time at which all worked, if nothing has failed since.
    mended: Option<Instant>,
    /// Time and numbers of the last line about it.
    told: (Instant, u64, u64),
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
            shared: Arc::new(ConditionShared {
                redis: redis.into(),
                failing: AtomicU8::new(0),
                state: Mutex::default(),
            }),
            clock: Clock::default(),
            is_lost: AtomicBool::new(false),
        }
    }

    /// True while it is given up, as one of several masters.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Records that it is given up, or no longer.
    pub(super) fn set_lost(&self, is_lost: bool) {
        self.is_lost.store(is_lost, Ordering::Relaxed);
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
        self.shared.failing.fetch_or(bit, Ordering::Relaxed);
        state.failing_since.get_or_insert(now);
        let is_streak = state
            .last
            .as_ref()
            .is_some_and(|(_, last)| now.duration_since(*last) < STREAK_GAP);
        // Where connecting is easy, there is nothing to wait for.
        let connected = state.connected.take();
        let was_connected = failure.is_disconnected
            && connected.is_some_and(|since| now.duration_since(since) >= STABLE_TIME);
        if !is_streak || was_connected {
            state.streak = Some(now);
        }
        state.last = Some((failure.text.clone(), now));
        let is_refusal = !failure.is_disconnected && purpose != Purpose::FindingMaster;
        let due = state.log(purpose, &failure.kind, is_refusal, now);
        let is_reported = std::mem::replace(&mut state.is_reported, true);
        drop(state);
        if !is_reported {
            self.report();
        }
        let Some((failures, kept_back)) = due else {
            return;
        };
        let (redis, doing) = (&*self.shared.redis, purpose.as_str());
        let error = &*failure.text;
        tracing::warn!(redis, doing, error, failures, kept_back, "Redis failed");
    }

    /// Records a success, which costs nothing while nothing fails.
    pub(super) fn works(&self, purpose: Purpose) {
        self.mend(purpose.bits());
    }

    /// Records a new connection.
    pub(super) fn connected(&self, purpose: Purpose) {
        self.state().connected = Some(Instant::now());
        self.mend(purpose.bit() << 4);
    }

    /// Forgets a purpose that no connection has any more: it may fail or work.
    pub(super) fn forget(&self, purpose: Purpose) {
        let bits = purpose.bits();
        let mut state = self.state();
        let before = self.shared.failing.fetch_and(!bits, Ordering::Relaxed);
        if before & !bits == 0 {
            state.failing_since = None;
            self.shared.forget(state);
        }
    }

    /// Counts messages that were not sent.
    pub(super) fn not_sent(&self, count: usize) {
        if let Some(outage) = &mut self.state().outage {
            outage.unsent += u64::try_from(count).unwrap_or(u64::MAX);
        }
    }

    /// Describes the outage that lasts, if there is one and somebody has noticed it lately.
    pub(super) fn outage(&self) -> Option<String> {
        let state = self.state();
        let outage = state.outage.as_ref()?;
        let (text, _) = state.last.as_ref()?;
        (outage.last.elapsed() < LOG_INTERVAL).then(|| {
            let (redis, failures) = (&self.shared.redis, outage.failures);
            let (doing, time) = (outage.doing.as_str(), outage.since.elapsed());
            format!(
                "Redis at {redis} has failed {failures} times in {time:.1?}, last {doing}: {text}"
            )
        })
    }

    fn mend(&self, bits: u8) {
        if self.shared.failing.load(Ordering::Relaxed) & bits == 0 {
            return;
        }
        let mut state = self.state();
        let before = self.shared.failing.fetch_and(!bits, Ordering::Relaxed);
        if before & !bits != 0 || before == 0 {
            return;
        }
        let now = Instant::now();
        state.failing_since = None;
        if state.is_reported
            && let Some(outage) = &mut state.outage
            && outage.is_refused
        {
            outage.mended = Some(now);
            return;
        }
        self.shared.end(state, now);
    }

    /// Starts the task that reports an outage. Elsewhere than on a runtime, failures alone are logged.
    fn report(&self) {
        match Handle::try_current() {
            Ok(runtime) => {
                let shared = Arc::downgrade(&self.shared);
                runtime.spawn(report(shared));
            }
            Err(_) => self.state().is_reported = false,
        }
    }

    /// Begin of the failures that last, if there are some.
    pub(super) fn since(&self) -> Option<Instant> {
        self.state().failing_since
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
        let is_open = state.failing_since.is_some() && last.elapsed() < LOG_INTERVAL;
        (is_open || last.elapsed() <= within).then(|| text.clone())
    }

    fn state(&self) -> MutexGuard<'_, ConditionState> {
        self.shared.state()
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.shared.forget(self.state());
    }
}

impl ConditionShared {
    fn state(&self) -> MutexGuard<'_, ConditionState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the outage. If all has worked since, that is its end, and there is nothing more to wait for.
    fn forget(&self, mut state: MutexGuard<'_, ConditionState>) {
        match state.outage.as_ref().and_then(|outage| outage.mended) {
            Some(mended) => self.end(state, mended),
            None => state.outage = None,
        }
    }

    /// Ends the outage, as of this time.
    fn end(&self, mut state: MutexGuard<'_, ConditionState>, at: Instant) {
        state.ended = Some(at);
        let Some(outage) = state.outage.take().filter(|outage| outage.is_logged) else {
            return;
        };
        drop(state);
        let (redis, failures, unsent) = (&*self.redis, outage.failures, outage.unsent);
        let after = at.duration_since(outage.since);
        tracing::info!(redis, ?after, failures, unsent, "Redis works again");
    }

    /// Looks at an outage: logs that it lasts, or ends it. Returns false if there is none any more.
    fn look(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let error = state.last.as_ref().map(|(text, _)| text.clone());
        let Some(outage) = &mut state.outage else {
            state.is_reported = false;
            return false;
        };
        if let Some(mended) = outage
            .mended
            .filter(|mended| now.duration_since(*mended) >= CALM_TIME)
        {
            state.is_reported = false;
            self.end(state, mended);
            return false;
        }
        let (told, failures, unsent) = outage.told;
        let is_due = now.duration_since(told) >= REPORT_INTERVAL;
        // Nobody may have tried.
        if is_due && outage.is_logged && outage.failures > failures {
            let (failures, unsent) = (outage.failures - failures, outage.unsent - unsent);
            outage.told = (now, outage.failures, outage.unsent);
            let (doing, lasts) = (outage.doing.as_str(), now.duration_since(outage.since));
            state.logged.iter_mut().for_each(|logged| {
                logged.at = now;
                logged.kept_back = 0;
            });
            drop(state);
            let (redis, error) = (&*self.redis, error.unwrap_or_default());
            tracing::warn!(
                redis,
                doing,
                error,
                ?lasts,
                failures,
                unsent,
                "Redis still fails"
            );
        }
        true
    }
}

/// Reports an outage until it is over, or its condition is gone.
async fn report(condition: Weak<ConditionShared>) {
    let mut reporting = Reporting {
        condition,
        is_over: false,
    };
    while !reporting.is_over {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let condition = reporting.condition.upgrade();
        reporting.is_over = !condition.is_some_and(|condition| condition.look());
    }
}

/// A task that reports. If its runtime ends before it does, another one takes over at the next failure.
struct Reporting {
    condition: Weak<ConditionShared>,
    is_over: bool,
}

impl Drop for Reporting {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(condition) = self.condition.upgrade()
        {
            condition.state().is_reported = false;
        }
    }
}

impl ConditionState {
    /// Counts a failure. If it has to be logged, the number of failures, and of those of its kind that were kept back.
    fn log(
        &mut self,
        doing: Purpose,
        kind: &str,
        is_refusal: bool,
        now: Instant,
    ) -> Option<(u64, u64)> {
        let is_relapse = self
            .ended
            .is_some_and(|ended| now.duration_since(ended) < RELAPSE_TIME);
        let outage = self.outage.get_or_insert(Outage {
            since: now,
            doing,
            last: now,
            failures: 0,
            unsent: 0,
            is_logged: false,
            is_refused: false,
            mended: None,
            told: (now, 0, 0),
        });
        outage.failures += 1;
        (outage.doing, outage.last, outage.mended) = (doing, now, None);
        outage.is_refused |= is_refusal;
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
        if !outage.is_logged {
            outage.told = (now, outage.failures, outage.unsent);
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
        let mut log = |kind| state.log(Purpose::Pushing, kind, true, Instant::now());
        assert_eq!(log("READONLY"), Some((1, 0)));
        for _ in 0..99 {
            assert_eq!(log("READONLY"), None);
        }
        assert_eq!(log("refused"), Some((101, 0)));
        after(LOG_INTERVAL).await;
        assert_eq!(log("READONLY"), Some((102, 99)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_relapse_is_logged_when_it_lasts_and_a_later_failure_at_once() {
        let condition = Condition::new("x");
        let failed = || condition.failed(Purpose::Pushing, &failure("refused", true));
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

    #[tokio::test(start_paused = true)]
    async fn refusals_that_come_and_go_are_one_outage_until_none_has_come_for_some_time() {
        let condition = Condition::new("x");
        let failed = || condition.failed(Purpose::Pushing, &failure("OOM", false));
        for _ in 0..210 {
            failed();
            condition.not_sent(3);
            condition.works(Purpose::Pushing);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let told = condition.outage().unwrap();
        assert!(
            told.contains("failed 210 times in 21.0s, last pushing messages"),
            "{told}"
        );
        {
            let state = condition.state();
            let outage = state.outage.as_ref().unwrap();
            // Two lines, after ten seconds each.
            assert!(outage.told.0.duration_since(outage.since) >= REPORT_INTERVAL * 2);
            assert_eq!(outage.unsent, 630);
        }
        // Calls do not hear of it when it is not at fault.
        assert_eq!(condition.trouble(Duration::ZERO), None);
        tokio::time::sleep(CALM_TIME + LOOK_INTERVAL * 2).await;
        assert_eq!(condition.outage(), None);
        assert!(!condition.state().is_reported);
        failed();
        assert!(condition.state().is_reported);
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
    async fn pauses_stay_small_where_each_new_connection_works_for_some_time() {
        let condition = Condition::new("x");
        for _ in 0..100 {
            condition.failed(Purpose::Pushing, &failure("cut", true));
            condition.failed(Purpose::TakingRequests, &failure("cut", true));
            assert!(condition.pause() < RETRY_PAUSE.0 * 2);
            condition.connected(Purpose::Pushing);
            after(STABLE_TIME).await;
        }
        // A Redis that takes connections and cuts them at once is spared.
        for _ in 0..100 {
            condition.failed(Purpose::Pushing, &failure("cut", true));
            condition.connected(Purpose::Pushing);
            after(STABLE_TIME / 2).await;
        }
        assert!(condition.pause() > RETRY_PAUSE.1 / 2);
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
