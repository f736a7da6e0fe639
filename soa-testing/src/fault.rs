//! What networks do to messages, done to a transport in a test, by a seed.
//!
//! Each call throws the same dice in the same order, whatever its faults are, so the faults of the n-th call depend on the
//! seed and on nothing else. What a fault is:
//!
//! * dropped: the request is lost, or was run and its answer is lost. The caller waits for its timeout;
//! * delayed: the request arrives later;
//! * duplicated: the request arrives twice, at the same time, and one of the answers counts;
//! * reordered: the request is held back until another one has passed it, or for a tenth of a second.
//!
//! Seed and faults are printed when the test ends, which runners show of a test that fails.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join;
use tokio::sync::Notify;

use soa_runtime::TransportError;
use soa_runtime::client::ClientRequest;
use soa_runtime::codec::Encoding;
use soa_runtime::message::JobResponse;
use soa_runtime::transport::{ClientTransport, ReplyFuture};

/// How long a call waits for its answer that has no timeout of its own and whose transport has none: without one, the caller
/// of a dropped request would wait for ever.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request waits at most to be passed by another.
const REORDER: Duration = Duration::from_millis(100);

/// Faults for a transport, drawn by a seed. Clones share the dice.
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
    /// Told of each request that arrives.
    passed: Notify,
}

#[derive(Default)]
struct State {
    dice: u64,
    drops: f64,
    delays: (f64, Duration),
    duplicates: f64,
    reorders: f64,
    calls: u64,
    log: Vec<String>,
    is_printed: bool,
}

/// What happens to one call.
#[derive(Debug, Default)]
struct Fate {
    lost_request: bool,
    lost_answer: bool,
    delay: Option<Duration>,
    is_duplicated: bool,
    is_reordered: bool,
}

impl Faults {
    /// No faults yet, drawn by this seed.
    pub fn seeded(seed: u64) -> Self {
        let state = State {
            dice: seed,
            ..State::default()
        };
        Self {
            shared: Arc::new(Shared {
                seed,
                state: Mutex::new(state),
                passed: Notify::new(),
            }),
        }
    }

    /// Loses this part of the calls, from 0 to 1: half of them before they arrive, half of them the answer.
    ///
    /// # Panics
    /// A part that is none.
    #[must_use]
    #[track_caller]
    pub fn drops(self, part: f64) -> Self {
        self.state().drops = checked(part);
        self
    }

    /// Delays this part of the calls, by up to so long.
    ///
    /// # Panics
    /// A part that is none.
    #[must_use]
    #[track_caller]
    pub fn delays(self, part: f64, longest: Duration) -> Self {
        self.state().delays = (checked(part), longest);
        self
    }

    /// Lets this part of the calls arrive twice.
    ///
    /// # Panics
    /// A part that is none.
    #[must_use]
    #[track_caller]
    pub fn duplicates(self, part: f64) -> Self {
        self.state().duplicates = checked(part);
        self
    }

    /// Holds this part of the calls back until another one has passed them, or for a tenth of a second.
    ///
    /// # Panics
    /// A part that is none.
    #[must_use]
    #[track_caller]
    pub fn reorders(self, part: f64) -> Self {
        self.state().reorders = checked(part);
        self
    }

    /// The transport with these faults: mostly a [`LocalTransport`](soa_runtime::LocalTransport).
    pub fn around(&self, transport: impl ClientTransport) -> FaultyTransport {
        FaultyTransport {
            faults: self.clone(),
            inner: Arc::new(transport),
        }
    }

    /// The faults so far, in the order of the calls.
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

#[track_caller]
fn checked(part: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&part),
        "a part is from 0 to 1, not {part}"
    );
    part
}

impl State {
    /// A number from 0 to 1, by SplitMix64.
    fn throw(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.dice;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        // Its upper half is random enough here, and an `f64` exactly.
        let upper = u32::try_from(bits >> 32).unwrap_or_default();
        f64::from(upper) / f64::from(u32::MAX)
    }

    fn fate(&mut self, request: &ClientRequest) -> Fate {
        let [drop, half, delay, long, twice, order] = std::array::from_fn(|_| self.throw());
        let is_dropped = drop < self.drops;
        let (delays, longest) = self.delays;
        let fate = Fate {
            lost_request: is_dropped && half < 0.5,
            lost_answer: is_dropped && half >= 0.5,
            delay: (delay < delays).then(|| longest.mul_f64(long)),
            is_duplicated: twice < self.duplicates,
            is_reordered: order < self.reorders,
        };
        self.calls += 1;
        let words: Vec<String> = [
            fate.is_reordered.then(|| "held back".to_owned()),
            fate.delay.map(|delay| format!("{delay:.1?} late")),
            fate.is_duplicated.then(|| "twice".to_owned()),
            fate.lost_request.then(|| "lost".to_owned()),
            fate.lost_answer.then(|| "answer lost".to_owned()),
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
        fate
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
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how to repeat a test, once.
    #[allow(clippy::print_stderr)] // The output of a test is where it is looked for.
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
    /// What is printed: how to repeat a test, and the faults.
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
    /// A test that fails by a panic has its faults beside it, whatever lives on.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.print();
        }
    }
}

impl Drop for Shared {
    /// A test that ends with an error, or fails later, has them, too. What a test prints that does not fail is not shown.
    fn drop(&mut self) {
        if !self.state().log.is_empty() {
            self.print();
        }
    }
}

/// A transport with faults: see [`Faults::around`].
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
        self.inner.default_timeout().or(Some(TIMEOUT))
    }

    fn trouble(&self, within: Duration) -> Option<TransportError> {
        self.inner.trouble(within)
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let fate = self.faults.state().fate(&request);
        let (inner, shared) = (Arc::clone(&self.inner), Arc::clone(&self.faults.shared));
        // It has left its sender: what happens to it now, happens on the way.
        request.sent.mark();
        ReplyFuture::new(async move {
            if fate.is_reordered {
                let passed = shared.passed.notified();
                let _ = tokio::time::timeout(REORDER, passed).await;
                tokio::task::yield_now().await;
            }
            if let Some(delay) = fate.delay {
                tokio::time::sleep(delay).await;
            }
            shared.passed.notify_waiters();
            let is_forgotten = request.job.control.suppress_response == Some(true);
            if fate.lost_request {
                return match is_forgotten {
                    true => Ok(JobResponse::default()),
                    false => std::future::pending().await,
                };
            }
            let twin = fate.is_duplicated.then(|| inner.call(request.clone()));
            let answer = match twin {
                Some(twin) => join(twin, inner.call(request)).await.1,
                None => inner.call(request).await,
            };
            match fate.lost_answer && !is_forgotten {
                true => std::future::pending().await,
                false => answer,
            }
        })
    }
}
