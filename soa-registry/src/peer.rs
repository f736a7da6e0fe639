//! Knowledge of one address: its calls, and if it is left out.
//!
//! ```text
//!          failed                    time is over
//!  open ───────────▶ out for a time ──────────────▶ due: one call tries it
//!   ▲                  ▲                              │  │
//!   │                  └──── failed: twice as long ───┘  │
//!   └────────────────────────────────────── answered ────┘
//! ```
//!
//! An address that says that it is overloaded rests for a moment, which is no failure. Calls that wait in vain count, too: some
//! in a row are a failure.
//!
//! Calls look at atomics alone. A lock is taken where an address fails, or is back.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use soa_runtime::BuildError;
use soa_runtime::observe::names;
use soa_runtime::transport::ClientTransport;
use soa_wire::Name;
use tokio::time::Instant;

use crate::address::Address;
use crate::channel::Channel;
use crate::instance::InstanceId;
use crate::random;

/// Time for which an address is left out after its first failure, and longest such time.
const FIRST_TIME_OUT: Duration = Duration::from_secs(1);
const LONGEST_TIME_OUT: Duration = Duration::from_secs(60);

/// Longest time for which an address rests that said that it is overloaded. Under load, most are free again much sooner than
/// they say.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Rest of an address that is overloaded and does not say for how long.
const USUAL_REST: Duration = Duration::from_millis(100);

/// Number of calls in a row that waited in vain, after which an address is left out.
const UNANSWERED_CALLS: u32 = 5;

/// Time before its deadline within which a call that is given up has waited in vain.
const TIMEOUT_TOLERANCE: Duration = Duration::from_millis(10);

/// An address of an instance, with what is known of it.
pub(crate) struct Peer {
    component: Name,
    instance: InstanceId,
    address: Address,
    channel: Arc<dyn Channel>,
    transport: OnceLock<Result<Arc<dyn ClientTransport>, BuildError>>,
    begin: Instant,
    outstanding: AtomicUsize,
    /// Calls in a row that waited in vain.
    unanswered: AtomicU32,
    /// The end of the time for which the address is not called, in nanoseconds from `begin`. 0 if it is called. Odd if it has
    /// failed, even if it rests.
    until: AtomicU64,
    /// True while a call tries an address that has failed.
    is_tried: AtomicBool,
    /// Number of failures and recoveries so far. What began before the last one says nothing about the present.
    generation: AtomicU32,
    /// Failures in a row.
    failures: Mutex<u32>,
}

/// The standing of an address. The worse one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It is called.
    Open,
    /// It has failed, and its time is over: one call may try it.
    Due,
    /// It is overloaded, until this time.
    Resting(u64),
    /// It has failed, and is left out until this time, or is being tried.
    Out(u64),
}

impl Standing {
    /// Returns true if the next call may go there.
    pub(crate) fn is_callable(self) -> bool {
        matches!(self, Self::Open | Self::Due)
    }
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The address answered.
    Answered,
    /// The address is overloaded, perhaps for this time.
    Overloaded(Option<Duration>),
    /// The address failed, for this reason.
    Failed(String),
    /// The attempt says nothing about the address.
    Unknown,
}

impl Peer {
    pub(crate) fn new(
        component: Name,
        instance: InstanceId,
        address: Address,
        channel: Arc<dyn Channel>,
    ) -> Self {
        Self {
            component,
            instance,
            address,
            channel,
            transport: OnceLock::new(),
            begin: Instant::now(),
            outstanding: AtomicUsize::new(0),
            unanswered: AtomicU32::new(0),
            until: AtomicU64::new(0),
            is_tried: AtomicBool::new(false),
            generation: AtomicU32::new(0),
            failures: Mutex::default(),
        }
    }

    pub(crate) fn instance(&self) -> &InstanceId {
        &self.instance
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn channel(&self) -> &dyn Channel {
        &*self.channel
    }

    /// Returns the transport to the address, which is made the first time.
    pub(crate) fn transport(&self) -> Result<&Arc<dyn ClientTransport>, &BuildError> {
        let open = || self.channel.open(&self.component, self.address.url());
        self.transport.get_or_init(open).as_ref()
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Returns the standing at this time.
    pub(crate) fn standing(&self, now: Instant) -> Standing {
        let until = self.until.load(Ordering::Acquire);
        if until == 0 {
            return Standing::Open;
        }
        let (is_over, has_failed) = (self.nanos(now) >= until, until & 1 == 1);
        match (has_failed, is_over) {
            (false, true) => Standing::Open,
            (false, false) => Standing::Resting(until),
            (true, true) if !self.is_tried.load(Ordering::Acquire) => Standing::Due,
            (true, _) => Standing::Out(until),
        }
    }

    /// Begins an attempt here. Returns none if the address is not to be called, or if another call has begun to try it.
    pub(crate) fn enter(
        self: &Arc<Self>,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Option<Attempt> {
        // Read before the standing: if that changes in between, the outcome is one of the past.
        let generation = self.generation.load(Ordering::Acquire);
        let is_trial = match self.standing(now) {
            Standing::Open => false,
            Standing::Due => {
                if self.is_tried.swap(true, Ordering::AcqRel) {
                    return None;
                }
                true
            }
            Standing::Resting(_) | Standing::Out(_) => return None,
        };
        Some(self.begin(generation, is_trial, deadline))
    }

    /// Begins an attempt here, whatever the standing is: there is no better address.
    pub(crate) fn enter_anyway(self: &Arc<Self>, deadline: Option<Instant>) -> Attempt {
        let generation = self.generation.load(Ordering::Acquire);
        self.begin(generation, false, deadline)
    }

    fn begin(
        self: &Arc<Self>,
        generation: u32,
        is_trial: bool,
        deadline: Option<Instant>,
    ) -> Attempt {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        Attempt {
            peer: Arc::clone(self),
            generation,
            is_trial,
            late_from: deadline.and_then(|deadline| deadline.checked_sub(TIMEOUT_TOLERANCE)),
            is_finished: false,
        }
    }

    /// Leaves the address out for a time, unless its standing has changed since this generation.
    fn fail(&self, generation: u32, now: Instant, reason: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Acquire) != generation {
            return;
        }
        *failures = failures.saturating_add(1);
        let count = *failures;
        let time = time_out(count);
        self.set_until(now, time, 1);
        self.is_tried.store(false, Ordering::Release);
        self.unanswered.store(0, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::AcqRel);
        drop(failures);
        let (component, address) = (&self.component, self.address.shown());
        if count == 1 {
            names::CLIENT_EJECTED.gauge([component]).increment(1.0);
            tracing::warn!(%component, %address, reason, "an address failed and is left out until it answers again");
        } else {
            tracing::debug!(%component, %address, reason, failures = count, ?time, "an address failed again");
        }
    }

    /// Notes an answer of an address that had failed, unless its standing has changed since this generation.
    fn recover(&self, generation: u32) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let is_past = self.generation.load(Ordering::Acquire) != generation;
        if is_past || *failures == 0 {
            return;
        }
        *failures = 0;
        self.until.store(0, Ordering::Release);
        self.is_tried.store(false, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
        drop(failures);
        let (component, address) = (&self.component, self.address.shown());
        names::CLIENT_EJECTED.gauge([component]).decrement(1.0);
        tracing::info!(%component, %address, "an address answers again, and is called as before");
    }

    /// Lets an address rest that has not failed.
    fn rest(&self, now: Instant, time: Option<Duration>) {
        let time = time.unwrap_or(USUAL_REST).min(LONGEST_REST);
        // Those who rest do not come back at the same moment.
        let time = time.mul_f64(0.5 + random::fraction() / 2.0);
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if *failures == 0 {
            self.set_until(now, time, 0);
        }
    }

    fn set_until(&self, now: Instant, time: Duration, parity: u64) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2);
        let until = self.nanos(now).saturating_add(time).max(2);
        self.until.store((until & !1) | parity, Ordering::Release);
    }

    /// Returns a time as nanoseconds from the beginning.
    fn nanos(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.begin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let failures = self.failures.get_mut();
        if *failures.unwrap_or_else(PoisonError::into_inner) > 0 {
            let ejected = names::CLIENT_EJECTED.gauge([&self.component]);
            ejected.decrement(1.0);
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("instance", &self.instance)
            .field("address", &self.address.shown())
            .field("outstanding", &self.outstanding())
            .finish_non_exhaustive()
    }
}

/// Returns the time for which an address is left out after its n-th failure in a row: twice as long as before, and never the
/// same for two callers.
fn time_out(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let time = FIRST_TIME_OUT.saturating_mul(doubled).min(LONGEST_TIME_OUT);
    time.mul_f64(0.75 + random::fraction() / 4.0)
}

/// An attempt at an address. It counts as outstanding until it is dropped.
#[derive(Debug)]
pub(crate) struct Attempt {
    peer: Arc<Peer>,
    generation: u32,
    is_trial: bool,
    /// The time from which an attempt that is given up has waited in vain.
    late_from: Option<Instant>,
    is_finished: bool,
}

impl Attempt {
    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// Ends the attempt.
    pub(crate) fn finish(mut self, outcome: &Outcome) {
        self.is_finished = true;
        let peer = &*self.peer;
        match outcome {
            Outcome::Answered => {
                if peer.unanswered.load(Ordering::Relaxed) > 0 {
                    peer.unanswered.store(0, Ordering::Relaxed);
                }
                if peer.until.load(Ordering::Acquire) & 1 == 1 {
                    peer.recover(self.generation);
                }
            }
            Outcome::Overloaded(time) => {
                // An address that says so is not broken.
                peer.recover(self.generation);
                peer.rest(Instant::now(), *time);
            }
            Outcome::Failed(reason) => peer.fail(self.generation, Instant::now(), reason),
            Outcome::Unknown => {}
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let peer = &*self.peer;
        peer.outstanding.fetch_sub(1, Ordering::Relaxed);
        // The caller has given up, perhaps as its time was over: calls of an address that hangs end like this.
        if !self.is_finished
            && let Some(late_from) = self.late_from
        {
            let now = Instant::now();
            if now >= late_from {
                let in_vain = peer.unanswered.fetch_add(1, Ordering::Relaxed) + 1;
                if self.is_trial || in_vain >= UNANSWERED_CALLS {
                    peer.fail(self.generation, now, "calls were not answered in time");
                }
            }
        }
        // Without an outcome, another call may try. After a change of the standing this is false already.
        if self.is_trial {
            peer.is_tried.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests;
