//! Signals that stop the process, and commands to stop from its parent process.
//!
//! A thread of its own listens for them, so that a handler that blocks the runtime of the server does not hide them. The
//! thread counts the signals, and others wait for the count. With a time limit for stopping ([`Signals::force_after`]), it
//! ends the process itself when the time is over, or when a second signal has no effect.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use super::child::Command;
use super::failure::{Failure, JOBS_LOST_EXIT_CODE};
use super::siblings::Siblings;
use crate::telemetry;

/// Delay between a signal to stop at once and the forced exit.
pub(super) const FORCED_EXIT_DELAY: Duration = Duration::from_millis(500);

/// Longest time that a forced exit waits for the log.
const LAST_LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// The signals to stop: SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal was closed), whose default action is off from now
/// on; and commands from the parent process, whose end counts as one, too.
pub(super) struct Signals {
    count: watch::Receiver<u32>,
    seen: u32,
    force_after: Arc<Mutex<Option<Duration>>>,
    siblings: Siblings,
}

impl Signals {
    /// Starts to listen. `parent` is the socket of the parent process.
    pub(super) fn new(parent: Option<StdUnixStream>) -> Result<Self, Failure> {
        let (sender, count) = watch::channel(0);
        let force_after = Arc::new(Mutex::new(None));
        let limit = Arc::clone(&force_after);
        let siblings = Siblings::default();
        let told = siblings.clone();
        let (report, listening) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("soa-signals".to_owned());
        let listen = move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = match builder.enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(report.send(Err(error))),
            };
            runtime.block_on(async {
                match Listener::new(parent, told) {
                    Ok(listener) => {
                        let _ = report.send(Ok(()));
                        listener.listen(&sender, &limit).await;
                    }
                    Err(error) => drop(report.send(Err(error))),
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
            siblings,
        })
    }

    /// The other processes of `--fork`, as the parent process tells of them.
    pub(super) fn siblings(&self) -> &Siblings {
        &self.siblings
    }

    /// Waits for the next signal. Cancel-safe: no signal is lost.
    pub(super) async fn next(&mut self) {
        let seen = self.seen;
        // The thread runs as long as the process.
        let _ = self.count.wait_for(|count| *count > seen).await;
        self.seen += 1;
    }

    /// Forces the process to exit with the code for lost jobs, this time after the first signal, or shortly after the
    /// second.
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
    /// `None` if SIGHUP was ignored when the process started, as it is under `nohup`.
    hangup: Option<Signal>,
    parent: Option<Lines<BufReader<UnixStream>>>,
    siblings: Siblings,
}

impl Listener {
    fn new(parent: Option<StdUnixStream>, siblings: Siblings) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match ignores_hangup() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
            parent: parent.map(lines).transpose()?,
            siblings,
        })
    }

    async fn listen(mut self, count: &watch::Sender<u32>, limit: &Mutex<Option<Duration>>) {
        let (mut signals, mut commands, mut end) = (0, 0, None);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => signals += 1,
                _ = self.terminate.recv() => signals += 1,
                () = hangup(self.hangup.as_mut()) => signals += 1,
                command = command(self.parent.as_mut()) => match command {
                    Some(Command::Stop) => commands += 1,
                    Some(Command::Report(news)) => self.siblings.set(news),
                    None => {
                        commands += 1;
                        self.parent = None;
                    }
                },
                () = reached(end) => {
                    exit(JOBS_LOST_EXIT_CODE);
                }
            }
            // A signal that all processes of a service received comes from the parent, too, and counts once.
            let times = u32::max(signals, commands);
            if times == *count.borrow() {
                continue;
            }
            count.send_replace(times);
            if let Some(limit) = *limit.lock().unwrap_or_else(PoisonError::into_inner) {
                let wait = if times > 1 { FORCED_EXIT_DELAY } else { limit };
                end = Instant::now().checked_add(wait);
            }
        }
    }
}

/// Ends the process. A log that cannot be written does not keep it from that: a layer of the program's own may block, too.
fn exit(code: u8) -> ! {
    let (told, is_told) = std::sync::mpsc::channel();
    let tell = move || {
        tracing::error!(
            "forcing the process to exit: it did not stop in time; a handler may block its thread"
        );
        telemetry::flush();
        drop(told);
    };
    // Without a thread there is nothing to wait for.
    let _ = std::thread::Builder::new().spawn(tell);
    let _: Result<(), _> = is_told.recv_timeout(LAST_LOG_TIMEOUT);
    std::process::exit(code.into());
}

/// Returns true if SIGHUP was ignored when the process started, as far as the system reports it.
fn ignores_hangup() -> bool {
    const BIT: u64 = 1 << (rustix::process::Signal::HUP.as_raw() - 1);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & BIT != 0)
}

async fn hangup(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn lines(parent: StdUnixStream) -> io::Result<Lines<BufReader<UnixStream>>> {
    Ok(BufReader::new(UnixStream::from_std(parent)?).lines())
}

/// Waits for a command from the parent process; `None` if the parent has closed its socket. Cancel-safe: no command is lost.
async fn command(parent: Option<&mut Lines<BufReader<UnixStream>>>) -> Option<Command> {
    let Some(parent) = parent else {
        return std::future::pending().await;
    };
    loop {
        let line = parent.next_line().await.ok().flatten()?;
        match serde_json::from_str(&line) {
            Ok(command) => return Some(command),
            // Another version of the program may be there since the parent was started.
            Err(error) => tracing::debug!(%error, "the parent process sent no command"),
        }
    }
}
