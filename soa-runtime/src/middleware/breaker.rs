//! Circuit breakers: calls of a service that does not answer fail at once.
//!
//! ```text
//!            too many failures               open_for has passed
//!  closed ───────────────────────▶ open ───────────────────────▶ half open
//!    ▲                              ▲                              │  │
//!    │                              └───────── the trial failed ───┘  │
//!    └─────────────────────────────────────── the trial went well ────┘
//! ```
//!
//! Each service has a circuit. While it is closed, calls pass and their outcomes are counted over a sliding window of
//! time. If there were enough of them and too large a share failed, it opens: calls fail at once, with an error that
//! contains the times of the circuit. After a while, one call is let through as a trial.
//!
//! A failure is the fault of the service or of the network: no response, a broken connection, errors that are not the
//! caller's. A call that its caller gave up counts as a failure if its time was used up, and otherwise not at all. A
//! trial that was given up opens the circuit again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ClientError, ErrorKind, OpenCircuit, TransportErrorKind};
use crate::exchange::{ClientRequest, ClientStage, is_past};
use crate::message::{JobResponse, Name, WireError, code};
use crate::stack::{Middleware, Next};

/// The tolerance for calls that are given up at their timeout: their clock starts a moment before that of the breaker,
/// and timers tick by milliseconds.
const TIMEOUT_TOLERANCE: Duration = Duration::from_millis(10);

/// The number of slots of the sliding window.
const SLOTS: usize = 10;

/// Client middleware that stops calling services that do not answer.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::Client;
/// use soa::middleware::CircuitBreaker;
///
/// let breaker = CircuitBreaker::new().failure_rate(0.8).open_for(Duration::from_secs(2));
/// let client = Client::builder().middleware(breaker).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
pub struct CircuitBreaker {
    #[doc(hidden)]
    pub rules: Rules,
    fails: Arc<dyn Fn(&Outcome) -> bool + Send + Sync>,
    circuits: Arc<Mutex<HashMap<Name, Circuit>>>,
}

type Outcome = Result<JobResponse, ClientError>;

#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Rules {
    #[doc(hidden)]
    pub failure_rate: f64,
    #[doc(hidden)]
    pub minimum_calls: u32,
    #[doc(hidden)]
    pub window: Duration,
    #[doc(hidden)]
    pub open_for: Duration,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            rules: Rules {
                failure_rate: 0.5,
                minimum_calls: 20,
                window: Duration::from_secs(10),
                open_for: Duration::from_secs(5),
            },
            fails: Arc::new(is_failure),
            circuits: Arc::default(),
        }
    }
}

impl CircuitBreaker {
    /// Returns a breaker with everything at its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the share of calls that must fail to open the circuit; 0.5 by default.
    #[must_use]
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.rules.failure_rate = rate.clamp(0.0, 1.0);
        self
    }

    /// Sets the minimum number of calls in the window; 20 by default, at least 1.
    #[must_use]
    pub fn minimum_calls(mut self, calls: u32) -> Self {
        self.rules.minimum_calls = calls.max(1);
        self
    }

    /// Sets the length of the window; 10 seconds by default, at least a hundredth of a second.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.rules.window = window.max(Duration::from_millis(10));
        self
    }

    /// Sets the time after which an open circuit lets one call through; 5 seconds by default.
    #[must_use]
    pub fn open_for(mut self, time: Duration) -> Self {
        self.rules.open_for = time;
        self
    }

    /// Sets the rule for what counts as a failure, in place of the rule above.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::ErrorKind;
    /// use soa::middleware::CircuitBreaker;
    ///
    /// let breaker = CircuitBreaker::new()
    ///     .minimum_calls(50)
    ///     .window(Duration::from_secs(30))
    ///     .failing_when(|outcome| {
    ///         matches!(outcome, Err(error) if error.kind() == ErrorKind::Timeout)
    ///     });
    /// ```
    #[must_use]
    pub fn failing_when<F>(mut self, fails: F) -> Self
    where
        F: Fn(&Result<JobResponse, ClientError>) -> bool + Send + Sync + 'static,
    {
        self.fails = Arc::new(fails);
        self
    }

    fn enter(&self, request: &ClientRequest) -> Result<Pass, ClientError> {
        let service = &request.service;
        let now = Instant::now();
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if !circuits.contains_key(service) {
            circuits.insert(service.clone(), Circuit::default());
        }
        let admitted = circuits
            .get_mut(service)
            .map_or(Ok(Turn::default()), |circuit| circuit.enter(now));
        drop(circuits);
        let turn = admitted.map_err(|open| ClientError::circuit_open(service, open))?;
        if turn.is_trial {
            tracing::info!(%service, "circuit half open: one call is let through as a trial");
        }
        Ok(Pass {
            circuits: Arc::clone(&self.circuits),
            rules: self.rules,
            service: service.clone(),
            late_from: request
                .timeout
                .and_then(|timeout| now.checked_add(timeout - TIMEOUT_TOLERANCE.min(timeout / 10))),
            turn: Some(turn),
        })
    }
}

/// Returns true for a failure by the default rule.
fn is_failure(outcome: &Outcome) -> bool {
    let is_fault = |error: &WireError| {
        // Errors of jobs never count as the caller's fault (protocol, section 9), so some are recognized by their
        // codes.
        let of_caller = [
            code::INVALID,
            code::MISSING,
            code::UNKNOWN,
            code::ACCESS_DENIED,
            code::NOT_AUTHORIZED,
            code::NOT_FOUND,
        ];
        !error.is_caller_error && !of_caller.contains(&&*error.code)
    };
    match outcome {
        Err(error) => {
            // A message that is too large, or a misconfigured transport, says nothing about the service.
            let is_ours = |kind| {
                matches!(
                    kind,
                    TransportErrorKind::MessageTooLarge | TransportErrorKind::Misconfigured
                )
            };
            match error.transport_kind() {
                Some(kind) => !is_ours(kind),
                None => error.kind() == ErrorKind::Timeout,
            }
        }
        Ok(response) => {
            let mut of_actions = response.actions.iter().flat_map(|action| &action.errors);
            response.errors.iter().any(is_fault) || of_actions.any(is_fault)
        }
    }
}

impl Middleware<ClientStage> for CircuitBreaker {
    async fn call(
        &self,
        request: ClientRequest,
        next: Next<ClientStage>,
    ) -> Result<JobResponse, ClientError> {
        let pass = self.enter(&request)?;
        let outcome = next.run(request).await;
        pass.leave((self.fails)(&outcome));
        outcome
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// A call that was let through, until its outcome is known.
struct Pass {
    circuits: Arc<Mutex<HashMap<Name, Circuit>>>,
    rules: Rules,
    service: Name,
    /// The time from which a call that is given up counts as timed out.
    late_from: Option<Instant>,
    turn: Option<Turn>,
}

impl Pass {
    fn leave(mut self, has_failed: bool) {
        self.end(Some(has_failed));
    }

    /// Ends the call; `None` for an unknown outcome.
    fn end(&mut self, has_failed: Option<bool>) {
        let Some(turn) = self.turn.take() else {
            return;
        };
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(circuit) = circuits.get_mut(&self.service) else {
            return;
        };
        let change = circuit.leave(turn, has_failed, self.rules, Instant::now());
        drop(circuits);
        let (service, open_for) = (&self.service, self.rules.open_for);
        match change {
            Some(Change::Opened) => {
                tracing::warn!(%service, ?open_for, "circuit opened: too many calls of a service failed");
            }
            Some(Change::Closed) => {
                tracing::info!(%service, "circuit closed: the service answers again")
            }
            None => {}
        }
    }
}

impl Drop for Pass {
    /// The call was given up, possibly at its timeout: calls of a service that hangs end like this.
    fn drop(&mut self) {
        let is_late = is_past(self.late_from);
        self.end(is_late.then_some(true));
    }
}

/// The time and kind of a call that was let through.
#[derive(Clone, Copy, Default)]
struct Turn {
    /// The number of changes of the circuit so far.
    generation: u64,
    is_trial: bool,
}

enum Change {
    Opened,
    Closed,
}

#[derive(Default)]
struct Circuit {
    generation: u64,
    state: State,
}

enum State {
    Closed(Window),
    Open(OpenCircuit),
    /// A trial was let through, and has no outcome yet.
    HalfOpen(OpenCircuit),
}

impl Default for State {
    fn default() -> Self {
        Self::Closed(Window::default())
    }
}

impl Circuit {
    fn enter(&mut self, now: Instant) -> Result<Turn, OpenCircuit> {
        let is_trial = match self.state {
            State::Closed(_) => false,
            State::Open(circuit) if circuit.until() <= now => {
                self.change(State::HalfOpen(circuit));
                true
            }
            State::Open(circuit) | State::HalfOpen(circuit) => return Err(circuit),
        };
        let generation = self.generation;
        Ok(Turn {
            generation,
            is_trial,
        })
    }

    fn leave(
        &mut self,
        turn: Turn,
        has_failed: Option<bool>,
        rules: Rules,
        now: Instant,
    ) -> Option<Change> {
        // A call from before the last change says nothing about the present state.
        if turn.generation != self.generation {
            return None;
        }
        let until = now.checked_add(rules.open_for).unwrap_or(now);
        match (&mut self.state, has_failed) {
            (State::Closed(window), Some(has_failed)) => {
                window.count(has_failed, rules.window, now);
                let (calls, failures) = window.sum();
                let is_too_much = f64::from(failures) >= f64::from(calls) * rules.failure_rate;
                if !has_failed || calls < rules.minimum_calls || !is_too_much {
                    return None;
                }
                self.change(State::Open(OpenCircuit::new(now, until)));
                Some(Change::Opened)
            }
            (State::HalfOpen(circuit), Some(true) | None) => {
                let circuit = OpenCircuit::new(circuit.since(), until);
                self.change(State::Open(circuit));
                Some(Change::Opened)
            }
            (State::HalfOpen(_), Some(false)) => {
                self.change(State::default());
                Some(Change::Closed)
            }
            (State::Open(_), _) | (State::Closed(_), None) => None,
        }
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.generation = self.generation.wrapping_add(1);
    }
}

/// Calls and failures, counted in slots of time.
#[derive(Default)]
struct Window {
    slots: [(u32, u32); SLOTS],
    newest: usize,
    /// The start of the newest slot.
    since: Option<Instant>,
}

impl Window {
    fn count(&mut self, has_failed: bool, window: Duration, now: Instant) {
        let length = window / 10;
        let mut since = *self.since.get_or_insert(now);
        for _ in 0..=SLOTS {
            match since.checked_add(length) {
                Some(end) if end <= now => {
                    self.newest = (self.newest + 1) % SLOTS;
                    if let Some(slot) = self.slots.get_mut(self.newest) {
                        *slot = (0, 0);
                    }
                    since = end;
                }
                _ => break,
            }
        }
        // After a long pause all slots are empty, and the newest starts now.
        if since.checked_add(length).is_some_and(|end| end <= now) {
            since = now;
        }
        self.since = Some(since);
        if let Some((calls, failures)) = self.slots.get_mut(self.newest) {
            *calls = calls.saturating_add(1);
            *failures = failures.saturating_add(u32::from(has_failed));
        }
    }

    fn sum(&self) -> (u32, u32) {
        let slots = self.slots.iter();
        slots.fold((0, 0), |(calls, failures), slot| {
            (
                calls.saturating_add(slot.0),
                failures.saturating_add(slot.1),
            )
        })
    }
}
