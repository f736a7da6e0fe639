//! `serve --fork N`: several processes, each of which serves as one alone would.
//!
//! The process that is started runs itself N times and does nothing but look after the others. One that ends by itself is
//! started again, unless that has happened too often: a program that cannot work should not keep a machine busy. The
//! limits are the reference's. Signals that end a server are passed on, once for each time they come; the processes have
//! groups of their own, so that Ctrl-C does not reach them a second time by the terminal.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::failure::Failure;
use super::signals::Signals;
use crate::observe::names;

/// So many restarts within such a time, and there is no other.
const LIMITS: [(usize, Duration); 2] = [(3, Duration::from_secs(15)), (8, Duration::from_secs(60))];

/// How many processes there may be for each processor.
const PER_PROCESSOR: usize = 5;

/// Runs this program so many times, and looks after it until all of them have ended.
pub(super) async fn supervise(processes: usize, respawns: bool) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let most = std::thread::available_parallelism().map_or(1, usize::from) * PER_PROCESSOR;
    if processes > most {
        tracing::warn!(
            processes,
            most,
            "fewer processes than asked for: five for each processor"
        );
    }
    let (stop, stopped) = watch::channel(0);
    let mut workers = JoinSet::new();
    for number in 1..=processes.min(most) {
        workers.spawn(Worker::new(number, respawns, stopped.clone()).keep());
    }
    let mut outcome = Ok(());
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(failure))) => outcome = Err(failure),
                Some(Err(error)) => outcome = Err(Failure::other(error)),
                None => return outcome,
            },
            () = signals.next() => stop.send_modify(|times| *times += 1),
        }
    }
}

/// Ends this process, as a signal would, when the one that looks after it is gone.
pub(super) fn follow_parent() -> Result<(), Failure> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM)).map_err(Failure::other)?;
    Ok(())
}

/// One of the processes.
struct Worker {
    number: usize,
    respawns: bool,
    /// How often the processes were told to stop.
    stop: watch::Receiver<u32>,
    restarts: Restarts,
}

impl Worker {
    fn new(number: usize, respawns: bool, stop: watch::Receiver<u32>) -> Self {
        Self {
            number,
            respawns,
            stop,
            restarts: Restarts::default(),
        }
    }

    /// Starts the process, again where it ends by itself, until it was told to stop.
    async fn keep(mut self) -> Result<(), Failure> {
        let worker = self.number;
        loop {
            let mut child = self.start()?;
            tracing::info!(worker, pid = child.id(), "a process is started");
            let (status, was_told) = self.watch(&mut child).await?;
            if was_told {
                return told(status);
            }
            tracing::error!(worker, %status, "a process has ended by itself");
            if !self.respawns {
                return Err(Failure::other(format!("process {worker} ended: {status}")));
            }
            if let Some((times, time)) = self.restarts.next(Instant::now()) {
                let seconds = time.as_secs();
                tracing::error!(worker, "a process ends too often and is given up");
                return Err(Failure::other(format!(
                    "process {worker} was started again {times} times within {seconds} seconds, and has ended again"
                )));
            }
            names::RESPAWN.counter([]).increment(1);
        }
    }

    fn start(&self) -> Result<Child, Failure> {
        let program = std::env::current_exe().map_err(Failure::other)?;
        let mut command = Command::new(program);
        command.args(std::env::args_os().skip(1));
        command.args(["--fork-number", &self.number.to_string()]);
        command.process_group(0).kill_on_drop(true);
        command.spawn().map_err(Failure::other)
    }

    /// Waits for the end of the process, and passes on what it is told; says whether it was told anything.
    async fn watch(&mut self, child: &mut Child) -> Result<(ExitStatus, bool), Failure> {
        // It may have been told to stop before it was started.
        let mut told = 0;
        loop {
            let asked = *self.stop.borrow_and_update();
            while told < asked {
                told += 1;
                terminate(child);
            }
            tokio::select! {
                status = child.wait() => return Ok((status.map_err(Failure::other)?, told > 0)),
                // The sender lives as long as this.
                _ = self.stop.changed() => {}
            }
        }
    }
}

/// Tells a process to stop. One that has ended meanwhile needs no telling.
fn terminate(child: &Child) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = kill_process(pid, Signal::TERM)
    {
        tracing::warn!(%error, "a process cannot be told to stop");
    }
}

/// What it means how a process ended that was told to.
fn told(status: ExitStatus) -> Result<(), Failure> {
    // A signal ends a process by itself only before that listens for it, when it has taken nothing.
    if status.success() || status.signal() == Some(Signal::TERM.as_raw()) {
        return Ok(());
    }
    Err(Failure::JobsLost)
}

/// When a process was started again.
#[derive(Default)]
struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// Notes one more; or tells the limit that it would break.
    fn next(&mut self, now: Instant) -> Option<(usize, Duration)> {
        for (times, time) in LIMITS {
            let is_recent = |at: &&Instant| now.duration_since(**at) < time;
            if self.0.iter().filter(is_recent).count() >= times {
                return Some((times, time));
            }
        }
        self.0.push_back(now);
        let most = LIMITS.iter().map(|(times, _)| *times).max().unwrap_or(0);
        while self.0.len() > most {
            self.0.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restarts(seconds: &[u64]) -> Vec<bool> {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        let at = seconds
            .iter()
            .map(|second| start + Duration::from_secs(*second));
        at.map(|now| restarts.next(now).is_none()).collect()
    }

    #[test]
    fn the_fourth_end_within_15_seconds_is_the_last() {
        assert_eq!(restarts(&[0, 1, 2, 14]), [true, true, true, false]);
        assert_eq!(restarts(&[0, 1, 2, 15, 16]), [true; 5]);
    }

    #[test]
    fn the_ninth_end_within_60_seconds_is_the_last() {
        let often = [0, 7, 14, 21, 28, 35, 42, 49, 56];
        assert_eq!(
            restarts(&often),
            [true, true, true, true, true, true, true, true, false]
        );
        let seldom: Vec<u64> = (0..100).map(|number| number * 8).collect();
        assert!(restarts(&seldom).into_iter().all(|allowed| allowed));
    }
}
