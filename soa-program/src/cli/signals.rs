//! What ends a server from outside.
//!
//! Signals are listened for on a thread of its own: a handler that blocks its thread keeps the runtime of the server from
//! noticing anything, and such a process has to end, too. So that thread counts signals, which the others wait for, and
//! where it is told how long an end may take ([`Signals::force_after`]) it ends the process itself when that has passed,
//! or when a second signal has no effect.

use std::io;
use std::os::unix::net::UnixStream as Line;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use super::failure::{Failure, JOBS_LOST};

/// How long a process that can may take to end when it is told to end at once.
pub(super) const AT_ONCE: Duration = Duration::from_millis(500);

/// SIGTERM, SIGINT as Ctrl-C sends it, and SIGHUP as a terminal that closes sends it; they do not end the process by themselves any more. And the same from the
/// process that looks after this one, whose end counts as one.
pub(super) struct Signals {
    count: watch::Receiver<u32>,
    seen: u32,
    force_after: Arc<Mutex<Option<Duration>>>,
}

impl Signals {
    /// `parent` is the line to the process that looks after this one.
    pub(super) fn new(parent: Option<Line>) -> Result<Self, Failure> {
        let (sender, count) = watch::channel(0);
        let force_after = Arc::new(Mutex::new(None));
        let limit = Arc::clone(&force_after);
        let (tell, listening) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("soa-signals".to_owned());
        let listen = move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = match builder.enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            runtime.block_on(async {
                match Listener::new(parent) {
                    Ok(listener) => {
                        let _ = tell.send(Ok(()));
                        listener.listen(&sender, &limit).await;
                    }
                    Err(error) => drop(tell.send(Err(error))),
                }
            });
        };
        thread.spawn(listen).map_err(Failure::other)?;
        let outcome = listening.recv().map_err(Failure::other)?;
        outcome.map_err(Failure::other)?;
        Ok(Self {
            count,
            seen: 0,
            force_after,
        })
    }

    /// Waits for one. None is lost.
    pub(super) async fn next(&mut self) {
        let seen = self.seen;
        // The thread goes on as long as the process.
        let _ = self.count.wait_for(|count| *count > seen).await;
        self.seen += 1;
    }

    /// Ends the process, with the code for lost jobs, when so much time has passed since the first signal, or when it
    /// does not end by itself after the second.
    pub(super) fn force_after(&self, limit: Duration) {
        let mut force_after = self
            .force_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *force_after = Some(limit);
    }
}

struct Listener {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where whoever started the process wants it to go on, as `nohup` does.
    hang_up: Option<Signal>,
    parent: Option<UnixStream>,
}

impl Listener {
    fn new(parent: Option<Line>) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: match ignores_hang_up() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
            parent: parent.map(UnixStream::from_std).transpose()?,
        })
    }

    async fn listen(mut self, count: &watch::Sender<u32>, limit: &Mutex<Option<Duration>>) {
        let (mut signals, mut told, mut end) = (0, 0, None);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => signals += 1,
                _ = self.terminate.recv() => signals += 1,
                () = hung_up(self.hang_up.as_mut()) => signals += 1,
                is_there = heard(self.parent.as_mut()) => {
                    told += 1;
                    if !is_there {
                        self.parent = None;
                    }
                }
                () = at(end) => {
                    tracing::error!("the process ends now: it does not by itself, maybe a handler blocks its thread");
                    std::process::exit(JOBS_LOST.into());
                }
            }
            // What all processes of a service are sent is passed on to this one, too.
            let times = u32::max(signals, told);
            if times == *count.borrow() {
                continue;
            }
            count.send_replace(times);
            if let Some(limit) = *limit.lock().unwrap_or_else(PoisonError::into_inner) {
                let wait = if times > 1 { AT_ONCE } else { limit };
                end = Instant::now().checked_add(wait);
            }
        }
    }
}

/// Whether SIGHUP is ignored since before this program began, as far as the system tells.
fn ignores_hang_up() -> bool {
    const BIT: u64 = 1 << (rustix::process::Signal::HUP.as_raw() - 1);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & BIT != 0)
}

async fn hung_up(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits until something is said on a line, or its other end is closed; whether it is still there.
async fn heard(line: Option<&mut UnixStream>) -> bool {
    match line {
        Some(line) => line.read_u8().await.is_ok(),
        None => std::future::pending().await,
    }
}
