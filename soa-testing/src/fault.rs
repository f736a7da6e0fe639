//! Fault injection: a transport that treats messages as a bad network does, by a seed.
//!
//! A call can be
//!
//! * dropped: the request is lost, or it runs and its answer is lost. The caller waits until its timeout;
//! * delayed: the request arrives later;
//! * duplicated: the request arrives twice at the same time, and the caller gets one of the answers;
//! * reordered: the request is held back until another one has overtaken it, for a tenth of a second at most.
//!
//! Each call draws the same number of random numbers, whatever its faults are, so the faults of the n-th call depend on
//! the seed alone. The seed and the faults are printed when the test ends. Test runners show this for a test that fails.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join;
use soa_runtime::TransportError;
use soa_runtime::client::ClientRequest;
use soa_runtime::codec::Encoding;
use soa_runtime::message::JobResponse;
use soa_runtime::transport::{ClientTransport, ReplyFuture};
use tokio::sync::Notify;

/// The timeout of calls that have none, over a transport that has none: the caller of a dropped request would wait for
/// ever.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time that a reordered request waits for another one to overtake it.
const MAX_REORDER_WAIT: Duration = Duration::from_millis(100);

/// Faults of a transport, drawn by a seed. Clones share the random numbers and the log.
///
/// ```
/// use std::time::Duration;
///
/// use soa::testing::Faults;
/// use soa::{ActionError, Client, Context, LocalTransport, Server, Value, value};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), soa::BuildError> {
/// let server = Server::untyped("tools", "1.0.0")
///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
///     .build()?;
/// let faults = Faults::seeded(7).drops(0.2).delays(0.5, Duration::from_millis(20));
/// let client = Client::builder()
///     .service("tools", faults.around(LocalTransport::new(server)))
///     .build()?;
/// for n in 0..20 {
///     let answer = client.call_action("tools", "echo", &value!({ "n": n })).await;
///     assert!(answer.is_ok_and(|answer| answer == value!({ "n": n })) || !faults.log().is_empty());
/// }
/// # Ok(()) }
/// ```
pub struct Faults {
    shared: Arc<Shared>,
}

struct Shared {
    seed: u64,
    state: Mutex<State>,
    /// Notified of each request that arrives.
    arrived: Notify,
}

#[derive(Default)]
struct State {
    /// The state of the random numbers.
    random: u64,
    drops: f64,
    delays: (f64, Duration),
    duplicates: f64,
    reorders: f64,
    calls: u64,
    log: Vec<String>,
    is_printed: bool,
}

/// The faults of one call.
#[derive(Debug, Default)]
struct CallFaults {
    lost_request: bool,
    lost_answer: bool,
    delay: Option<Duration>,
    is_duplicated: bool,
    is_reordered: bool,
}

impl Faults {
    /// Creates a source of faults with this seed, which has no faults yet.
    pub fn seeded(seed: u64) -> Self {
        let state = State {
            random: seed,
            ..State::default()
        };
        Self {
            shared: Arc::new(Shared {
                seed,
                state: Mutex::new(state),
                arrived: Notify::new(),
            }),
        }
    }

    /// Drops this share of the calls, from 0 to 1. Of half of them the request is lost, of the other half the answer.
    ///
    /// # Panics
    /// If `share` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn drops(self, share: f64) -> Self {
        self.state().drops = checked(share);
        self
    }

    /// Delays this share of the calls, from 0 to 1, each by a random time of at most `longest`.
    ///
    /// # Panics
    /// If `share` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn delays(self, share: f64, longest: Duration) -> Self {
        self.state().delays = (checked(share), longest);
        self
    }

    /// Duplicates this share of the calls, from 0 to 1: their requests arrive twice.
    ///
    /// # Panics
    /// If `share` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn duplicates(self, share: f64) -> Self {
        self.state().duplicates = checked(share);
        self
    }

    /// Reorders this share of the calls, from 0 to 1: each is held back until another one has overtaken it, for a tenth of
    /// a second at most.
    ///
    /// # Panics
    /// If `share` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn reorders(self, share: f64) -> Self {
        self.state().reorders = checked(share);
        self
    }

    /// Wraps a transport, usually a [`LocalTransport`](soa_runtime::LocalTransport), so that its calls have these faults.
    pub fn around(&self, transport: impl ClientTransport) -> FaultyTransport {
        FaultyTransport {
            faults: self.clone(),
            inner: Arc::new(transport),
        }
    }

    /// Returns the faults so far as text, in the order of the calls.
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

#[track_caller]
fn checked(share: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&share),
        "the share of calls with a fault must be between 0 and 1, but is {share}"
    );
    share
}

impl State {
    /// Draws a number from 0 to 1, by SplitMix64.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        // The upper half is random enough here, and an `f64` holds it exactly.
        let upper = u32::try_from(bits >> 32).unwrap_or_default();
        f64::from(upper) / f64::from(u32::MAX)
    }

    /// Draws the faults of a call, and logs them.
    fn draw_faults(&mut self, request: &ClientRequest) -> CallFaults {
        let [drop, half, delay, long, twice, order] = std::array::from_fn(|_| self.draw());
        let is_dropped = drop < self.drops;
        let (delays, longest) = self.delays;
        let faults = CallFaults {
            lost_request: is_dropped && half < 0.5,
            lost_answer: is_dropped && half >= 0.5,
            delay: (delay < delays).then(|| longest.mul_f64(long)),
            is_duplicated: twice < self.duplicates,
            is_reordered: order < self.reorders,
        };
        self.calls += 1;
        let words: Vec<String> = [
            faults.is_reordered.then(|| "reordered".to_owned()),
            faults.delay.map(|delay| format!("delayed by {delay:.1?}")),
            faults.is_duplicated.then(|| "duplicated".to_owned()),
            faults.lost_request.then(|| "request dropped".to_owned()),
            faults.lost_answer.then(|| "answer dropped".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !words.is_empty() {
            let actions: Vec<&str> = request.job.actions.iter().map(|one| &*one.action).collect();
            let (number, service) = (self.calls, &request.service);
            let (actions, words) = (actions.join(", "), words.join(", "));
            self.log
                .push(format!("call {number}, {service}.{actions}: {words}"));
        }
        faults
    }
}

impl Clone for Faults {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is locked, so a poisoned state is valid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints the seed and the faults, once.
    #[allow(clippy::print_stderr)] // Test runners show the output of a test that fails.
    fn print(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.is_printed, true) {
            drop(state);
            eprintln!("{self}");
        }
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.seed;
        write!(
            f,
            "faults of seed {seed} (repeat them with `Faults::seeded({seed})`):"
        )?;
        let state = self.state();
        let mut log = state.log.iter();
        log.try_for_each(|fault| write!(f, "\n    {fault}"))
    }
}

impl fmt::Display for Faults {
    /// Writes the seed and the faults, as the end of a test prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = &self.state().log;
        let mut shown = f.debug_struct("Faults");
        shown
            .field("seed", &self.shared.seed)
            .field("log", log)
            .finish()
    }
}

impl Drop for Faults {
    /// Prints the faults of a test that panics, even if another clone lives on.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.print();
        }
    }
}

impl Drop for Shared {
    /// Prints the faults for a test that returns an error or fails later. Runners hide this output of tests that pass.
    fn drop(&mut self) {
        if !self.state().log.is_empty() {
            self.print();
        }
    }
}

/// A transport with faults, made by [`Faults::around`].
#[derive(Clone, Debug)]
pub struct FaultyTransport {
    faults: Faults,
    inner: Arc<dyn ClientTransport>,
}

impl ClientTransport for FaultyTransport {
    fn encoding(&self) -> Encoding {
        self.inner.encoding()
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.inner.default_timeout().or(Some(DEFAULT_TIMEOUT))
    }

    fn takes_positions(&self) -> bool {
        self.inner.takes_positions()
    }

    fn trouble(&self, within: Duration) -> Option<TransportError> {
        self.inner.trouble(within)
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let faults = self.faults.state().draw_faults(&request);
        let (inner, shared) = (Arc::clone(&self.inner), Arc::clone(&self.faults.shared));
        // To the caller, a request that gets lost on the way was sent.
        request.sent.mark();
        ReplyFuture::new(async move {
            if faults.is_reordered {
                let overtaken = shared.arrived.notified();
                let _ = tokio::time::timeout(MAX_REORDER_WAIT, overtaken).await;
                tokio::task::yield_now().await;
            }
            if let Some(delay) = faults.delay {
                tokio::time::sleep(delay).await;
            }
            shared.arrived.notify_waiters();
            let is_forgotten = request.job.control.suppress_response == Some(true);
            if faults.lost_request {
                return match is_forgotten {
                    true => Ok(JobResponse::default()),
                    false => std::future::pending().await,
                };
            }
            let duplicate = faults.is_duplicated.then(|| inner.call(request.clone()));
            let answer = match duplicate {
                Some(duplicate) => join(duplicate, inner.call(request)).await.1,
                None => inner.call(request).await,
            };
            match faults.lost_answer && !is_forgotten {
                true => std::future::pending().await,
                false => answer,
            }
        })
    }
}
