//! Detection of handlers, middleware and health checks that block their thread.
//!
//! A handler that computes for long, or waits without `await`, keeps everything else on its thread from running: other
//! jobs, timers, its own deadline. Nothing inside the runtime can detect that. So each thread that polls a handler
//! notes the handler and the time, and a thread outside of the runtime checks these notes.
//!
//! Time is counted in ticks of the watchdog's own thread, so a note needs no clock. While no watchdog runs, it costs
//! one load.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::message::Name;
use crate::suspension;

/// The interval between two checks.
const TICK_LENGTH: Duration = Duration::from_millis(100);

/// Number of findings that wait for the log; further ones are left out.
const MAX_UNTOLD: usize = 64;

/// Longest time that the end of the process waits for the log.
const LAST_LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// True while a watchdog runs in this process.
static IS_RUNNING: AtomicBool = AtomicBool::new(false);

/// The number of ticks so far.
static TICKS: AtomicU64 = AtomicU64::new(0);

/// The notes of all threads that have polled a handler since the watchdog started.
static NOTES: Mutex<Vec<Weak<Note>>> = Mutex::new(Vec::new());

/// The handler because of which the process ends.
static ENDING: OnceLock<Blocked> = OnceLock::new();

/// Finds handlers that block their thread, in the whole process.
///
/// It logs the service, the action and the time of each such handler: first when it has blocked for
/// [`warn_after`](Self::warn_after), then each time that the time has doubled. With [`exit_after`](Self::exit_after) it
/// ends the process, as the reference's harakiri does, so that a supervisor starts it again.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::Watchdog;
///
/// Watchdog::new().warn_after(Duration::from_secs(2)).start();
/// ```
#[must_use = "a watchdog does nothing until it is started"]
pub struct Watchdog {
    warn_after: Duration,
    exit_after: Option<(Duration, Duration)>,
    on_blocked: Option<OnBlocked>,
    on_exit: Option<OnEnd>,
    before_exit: Option<OnEnd>,
}

/// A function that is called for a handler that blocks.
type OnBlocked = Box<dyn Fn(&Blocked) + Send>;

/// A function that is called when the process ends.
type OnEnd = Box<dyn FnOnce() + Send>;

/// A handler that blocks its thread.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Blocked, Watchdog};
///
/// let report = |blocked: &Blocked| {
///     eprintln!("{} of {} blocks for {:?}", blocked.action, blocked.service, blocked.time);
/// };
/// Watchdog::new().on_blocked(report).start();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Blocked {
    /// The service.
    pub service: Name,
    /// The action; for a health check its name; empty for job middleware.
    pub action: Name,
    /// The kind of code: `a handler`, `action middleware`, `job middleware` or `a health check`.
    pub what: &'static str,
    /// The time that it has blocked so far, to a tenth of a second.
    pub time: Duration,
}

impl Watchdog {
    /// Returns a watchdog that warns after a second, and does nothing else.
    pub fn new() -> Self {
        Self {
            warn_after: Duration::from_secs(1),
            exit_after: None,
            on_blocked: None,
            on_exit: None,
            before_exit: None,
        }
    }

    /// Sets the time after which a blocked thread is logged; a second by default, at least a tenth.
    pub fn warn_after(mut self, time: Duration) -> Self {
        self.warn_after = time.max(TICK_LENGTH);
        self
    }

    /// Ends the process, with the code [`Watchdog::EXIT_CODE`], once a handler has blocked for `time`, and then for
    /// `grace` more, in which the server can finish other jobs. The reference uses 300 s and 30 s.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::Watchdog;
    ///
    /// Watchdog::new()
    ///     .exit_after(Duration::from_secs(300), Duration::from_secs(30))
    ///     .on_exit(|| eprintln!("a handler blocks: stopping"))
    ///     .start();
    /// ```
    pub fn exit_after(mut self, time: Duration, grace: Duration) -> Self {
        self.exit_after = Some((time, grace));
        self
    }

    /// Sets a function that is called for each handler that is logged.
    pub fn on_blocked(mut self, call: impl Fn(&Blocked) + Send + 'static) -> Self {
        self.on_blocked = Some(Box::new(call));
        self
    }

    /// Sets a function that is called when the grace begins, to stop the server.
    pub fn on_exit(mut self, call: impl FnOnce() + Send + 'static) -> Self {
        self.on_exit = Some(Box::new(call));
        self
    }

    /// Sets a function that is called right before the process is ended, to write what is left of a log. The process ends a
    /// second later, even if it has not returned.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::Watchdog;
    ///
    /// Watchdog::new()
    ///     .exit_after(Duration::from_secs(300), Duration::from_secs(30))
    ///     .before_exit(|| eprintln!("a handler blocked"))
    ///     .start();
    /// ```
    pub fn before_exit(mut self, call: impl FnOnce() + Send + 'static) -> Self {
        self.before_exit = Some(Box::new(call));
        self
    }

    /// The exit code of the process.
    pub const EXIT_CODE: i32 = 70;

    /// Starts the watchdog's thread, which runs until the process ends. A process has one watchdog: a second one is not
    /// started, and this returns false.
    ///
    /// In a runtime of several threads, it also keeps the other threads going: with tokio, a handler that blocks may
    /// keep them all from noticing sockets and timers.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Watchdog;
    ///
    /// assert!(Watchdog::new().start());
    /// assert!(!Watchdog::new().start());
    /// ```
    pub fn start(self) -> bool {
        if IS_RUNNING.swap(true, Ordering::Relaxed) {
            return false;
        }
        let thread = thread::Builder::new().name("soa-watchdog".to_owned());
        let runtime = Handle::try_current().ok();
        let runtime =
            runtime.filter(|runtime| runtime.runtime_flavor() != RuntimeFlavor::CurrentThread);
        match thread.spawn(move || self.watch(runtime.as_ref())) {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%error, "the watchdog cannot be started");
                IS_RUNNING.store(false, Ordering::Relaxed);
                false
            }
        }
    }

    /// Returns the handler because of which the process ends; `None` if it goes on: see [`exit_after`](Self::exit_after).
    pub fn ending() -> Option<&'static Blocked> {
        ENDING.get()
    }

    fn watch(mut self, runtime: Option<&Handle>) {
        let mut exit = None;
        let mut teller = Teller {
            calls: Some((self.on_blocked.take(), self.before_exit.take())),
            findings: None,
        };
        loop {
            let due = Instant::now() + TICK_LENGTH;
            thread::sleep(TICK_LENGTH);
            if let Some(pause) = suspension::woke(due) {
                teller.tell(Finding::Paused(pause));
            }
            let now = TICKS.fetch_add(1, Ordering::Relaxed) + 1;
            let mut is_any_blocked = false;
            for note in notes() {
                let Some(Found { found, is_due }) = note.check(now, self.warn_after) else {
                    continue;
                };
                is_any_blocked = true;
                let ending = self
                    .exit_after
                    .filter(|(limit, _)| found.time >= *limit && exit.is_none());
                if let Some((_, grace)) = ending {
                    exit = Some(now.saturating_add(ticks(grace)));
                    let _ = ENDING.set(found.clone());
                    if let Some(call) = self.on_exit.take() {
                        call();
                    }
                }
                if is_due {
                    teller.tell(Finding::Blocks(found.clone()));
                }
                if let Some((_, grace)) = ending {
                    teller.tell(Finding::Ends(found, grace));
                }
            }
            // The blocked thread may be the one that drives sockets and timers, while all others sleep. Waking one of
            // them makes it take over.
            if let Some(runtime) = runtime.filter(|_| is_any_blocked) {
                runtime.spawn(std::future::ready(()));
            }
            if exit.is_some_and(|exit| now >= exit) {
                let (told, is_told) = mpsc::channel();
                teller.tell(Finding::Ended(told));
                // The sender goes away when all is told.
                let _ = is_told.recv_timeout(LAST_LOG_TIMEOUT);
                std::process::exit(Self::EXIT_CODE);
            }
        }
    }
}

/// A finding of the watchdog, for the log.
enum Finding {
    /// The process did not run for this time.
    Paused(Duration),
    Blocks(Blocked),
    /// The process will end, after this time.
    Ends(Blocked, Duration),
    Ended(Sender<()>),
}

/// The thread that tells of findings. The watchdog itself does not log, and so it works if a log is full that blocks.
struct Teller {
    /// The functions of the user, until the thread has them.
    calls: Option<(Option<OnBlocked>, Option<OnEnd>)>,
    findings: Option<SyncSender<Finding>>,
}

impl Teller {
    /// Tells of a finding, as soon as those before it are told.
    fn tell(&mut self, finding: Finding) {
        if let Some((on_blocked, before_exit)) = self.calls.take() {
            let (sender, findings) = mpsc::sync_channel(MAX_UNTOLD);
            let thread = thread::Builder::new().name("soa-watchdog-log".to_owned());
            // Without the thread nothing is told, and the watchdog goes on.
            let _ = thread.spawn(move || tell_all(&findings, on_blocked.as_deref(), before_exit));
            self.findings = Some(sender);
        }
        if let Some(findings) = &self.findings {
            let _ = findings.try_send(finding);
        }
    }
}

fn tell_all(
    findings: &Receiver<Finding>,
    on_blocked: Option<&(dyn Fn(&Blocked) + Send)>,
    mut before_exit: Option<OnEnd>,
) {
    for finding in findings {
        match finding {
            Finding::Paused(time) => suspension::tell(time),
            Finding::Blocks(blocked) => {
                let Blocked {
                    service,
                    action,
                    what,
                    time,
                } = &blocked;
                tracing::error!(%service, %action, ?time, "{what} blocks its thread");
                if let Some(call) = on_blocked {
                    call(&blocked);
                }
            }
            Finding::Ends(blocked, grace) => {
                let Blocked {
                    service,
                    action,
                    what,
                    ..
                } = &blocked;
                tracing::error!(%service, %action, ?grace, "the process ends: {what} blocks its thread");
            }
            Finding::Ended(told) => {
                tracing::error!("the process ends now");
                if let Some(call) = before_exit.take() {
                    call();
                }
                drop(told);
            }
        }
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog")
            .field("warn_after", &self.warn_after)
            .field("exit_after", &self.exit_after)
            .finish_non_exhaustive()
    }
}

/// Returns the notes of the threads that still exist.
fn notes() -> Vec<Arc<Note>> {
    let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    notes.retain(|note| note.strong_count() > 0);
    notes.iter().filter_map(Weak::upgrade).collect()
}

fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK_LENGTH.as_millis()).unwrap_or(u64::MAX / 2)
}

/// The handler that a thread polls.
#[derive(Debug, Default)]
struct Note(Mutex<Option<Polled>>);

#[derive(Debug)]
struct Polled {
    service: Name,
    action: Name,
    what: &'static str,
    since: u64,
    /// The number of ticks after which it is logged again.
    log_again_at: Option<u64>,
}

struct Found {
    found: Blocked,
    is_due: bool,
}

impl Note {
    fn swap(&self, polled: Option<Polled>) -> Option<Polled> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, polled)
    }

    fn check(&self, now: u64, warn_after: Duration) -> Option<Found> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let polled = current.as_mut()?;
        let age = now.saturating_sub(polled.since);
        let log_at = *polled.log_again_at.get_or_insert(ticks(warn_after));
        if age == 0 {
            return None;
        }
        let is_due = age >= log_at;
        if is_due {
            polled.log_again_at = Some(age.saturating_mul(2));
        }
        Some(Found {
            found: Blocked {
                service: polled.service.clone(),
                action: polled.action.clone(),
                what: polled.what,
                time: TICK_LENGTH.saturating_mul(u32::try_from(age).unwrap_or(u32::MAX)),
            },
            is_due,
        })
    }
}

thread_local! {
    static NOTE: Arc<Note> = {
        let note = Arc::new(Note::default());
        let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(Arc::downgrade(&note));
        drop(notes);
        note
    };
}

/// The future of a handler, or of other code of the user, which is noted while it is polled. Its output contains the
/// name of the action.
pub(crate) struct Watched<'a, F> {
    inner: F,
    service: &'a Name,
    action: Name,
    what: &'static str,
}

impl<'a, F> Watched<'a, F> {
    pub(crate) fn new(inner: F, service: &'a Name, action: Name, what: &'static str) -> Self {
        Self {
            inner,
            service,
            action,
            what,
        }
    }
}

impl<F: Future + Unpin> Future for Watched<'_, F> {
    type Output = (Name, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !IS_RUNNING.load(Ordering::Relaxed) {
            let output = ready!(Pin::new(&mut this.inner).poll(cx));
            return Poll::Ready((std::mem::take(&mut this.action), output));
        }
        let polled = Polled {
            service: this.service.clone(),
            action: this.action.clone(),
            what: this.what,
            since: TICKS.load(Ordering::Relaxed),
            log_again_at: None,
        };
        // A handler that calls a service in the same process polls another handler from inside of its own.
        let outer = NOTE.try_with(|note| note.swap(Some(polled)));
        let output = Pin::new(&mut this.inner).poll(cx);
        if let Ok(outer) = outer {
            // It was there a moment ago, so it is now.
            let _ = NOTE.try_with(|note| note.swap(outer));
        }
        let output = ready!(output);
        Poll::Ready((std::mem::take(&mut this.action), output))
    }
}
