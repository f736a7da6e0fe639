//! `serve --fork N`: several processes, each of which serves as one alone would.
//!
//! The process that is started runs itself N times and does nothing but look after the others. One that ends by itself is
//! started again, unless that has happened too often: a program that cannot work should not keep a machine busy. For the
//! same reason there is a pause after one that has not lived for long. One that was stopped from outside, by a signal to
//! it alone, is started again without being counted. When one
//! is given up before all have been ready, the start has failed, and the others are stopped; afterwards they go on.
//! Signals that end a server are passed on, once for each time they come; the processes have groups of their own, so that
//! Ctrl-C does not reach them a second time by the terminal. To systemd this process speaks for the others: they are ready
//! when all are, and alive as long as one is.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::child::{Child, Event, program};
use super::failure::{Failure, JOBS_LOST};
use super::outside::Outside;
use super::signals::Signals;
use crate::settings::RespawnLimit;
use soa_runtime::observe::names;

/// How many processes there may be for each processor.
const PER_PROCESSOR: usize = 5;

/// How long a process has to live so that the next one is started without a pause.
const SHORT_LIFE: Duration = Duration::from_secs(10);

/// The pause after the first short life; it doubles with each that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How the processes are started again.
pub(super) struct Respawns {
    pub(super) is_on: bool,
    pub(super) limits: Vec<RespawnLimit>,
}

/// Runs this program so many times, and looks after it until all of them have ended.
pub(super) async fn supervise(
    processes: usize,
    respawns: Respawns,
    outside: &Outside,
) -> Result<(), Failure> {
    let mut signals = Signals::new(outside.parent().map_err(Failure::other)?)?;
    let most = std::thread::available_parallelism().map_or(1, usize::from) * PER_PROCESSOR;
    if processes > most {
        tracing::warn!(
            processes,
            most,
            "fewer processes than asked for: five for each processor"
        );
    }
    let processes = processes.min(most);
    let (stop, stopped) = watch::channel(0);
    let (tell, mut told) = mpsc::unbounded_channel();
    let program: Arc<Path> = program()?.into();
    let respawns = Arc::new(respawns);
    let mut workers = JoinSet::new();
    for number in 1..=processes {
        let worker = Worker {
            number,
            program: Arc::clone(&program),
            respawns: Arc::clone(&respawns),
            stop: stopped.clone(),
            tell: tell.clone(),
            restarts: Restarts::default(),
        };
        workers.spawn(worker.keep());
    }
    let mut ready = BTreeSet::new();
    let mut outcome = Ok(());
    loop {
        tokio::select! {
            // Who has been ready says so before it ends.
            biased;
            // There is a sender here.
            Some(news) = told.recv() => match news {
                News::Alive => outside.alive(),
                News::Ready(number) => {
                    if ready.insert(number) && ready.len() == processes {
                        outside.ready(&format!("serving in {processes} processes"));
                    }
                }
            },
            ended = workers.join_next() => {
                let failure = match ended {
                    Some(Ok(Ok(()))) => continue,
                    Some(Ok(Err(failure))) => failure,
                    Some(Err(error)) => Failure::other(error),
                    None => return outcome,
                };
                if ready.len() < processes && *stop.borrow() == 0 {
                    tracing::error!("the start has failed: the other processes are stopped");
                    stop.send_replace(1);
                }
                outcome = Err(worse(outcome, failure));
            }
            () = signals.next() => {
                if *stop.borrow() == 0 {
                    outside.stopping();
                }
                stop.send_modify(|times| *times += 1);
            }
        }
    }
}

/// Of several failures the first is told, and lost jobs before all else.
fn worse(outcome: Result<(), Failure>, failure: Failure) -> Failure {
    match outcome {
        Err(before) if !matches!(failure, Failure::JobsLost) => before,
        _ => failure,
    }
}

/// What a process says of itself.
enum News {
    Ready(usize),
    Alive,
}

/// One of the processes.
struct Worker {
    number: usize,
    program: Arc<Path>,
    respawns: Arc<Respawns>,
    /// How often the processes were told to stop.
    stop: watch::Receiver<u32>,
    tell: mpsc::UnboundedSender<News>,
    restarts: Restarts,
}

impl Worker {
    /// Starts the process, again where it ends by itself, until it was told to stop.
    async fn keep(mut self) -> Result<(), Failure> {
        let worker = self.number;
        let number = worker.to_string();
        let mut pause = Duration::ZERO;
        loop {
            let since = Instant::now();
            let child = Child::start(&self.program, &["--fork-number", &number]);
            let mut child = child.map_err(Failure::other)?;
            tracing::info!(worker, pid = child.id(), "a process is started");
            let (status, was_told) = self.watch(&mut child).await?;
            if was_told {
                return Failure::of(status).map_err(|failure| match failure {
                    // It may have failed on its own before it noticed.
                    Failure::Passed(code) if code != JOBS_LOST => ended(worker, status),
                    _ => Failure::JobsLost,
                });
            }
            let was_stopped = Failure::of(status).is_ok();
            if was_stopped {
                tracing::info!(worker, %status, "a process was stopped from outside");
            } else {
                tracing::error!(worker, %status, "a process has ended by itself");
            }
            if !self.respawns.is_on {
                return Err(ended(worker, status));
            }
            if !was_stopped
                && let Some(limit) = self.restarts.next(Instant::now(), &self.respawns.limits)
            {
                let RespawnLimit { times, within, .. } = limit;
                tracing::error!(worker, "a process ends too often and is given up");
                return Err(Failure::other(format!(
                    "process {worker} was started again {times} times within {within}, and has ended again"
                )));
            }
            pause = next_pause(pause, since.elapsed());
            if !pause.is_zero() && !self.rest(pause).await {
                return Ok(());
            }
            names::RESPAWN.counter([]).increment(1);
        }
    }

    /// Waits before the next process is started; `false` when there is to be none.
    async fn rest(&mut self, pause: Duration) -> bool {
        let told = self.stop.wait_for(|times| *times > 0);
        tokio::time::timeout(pause, told).await.is_err()
    }

    /// Waits for the end of the process, and passes on what it is told and what it tells; says whether it was told
    /// anything.
    async fn watch(&mut self, child: &mut Child) -> Result<(ExitStatus, bool), Failure> {
        // It may have been told to stop before it was started.
        let mut told = 0;
        loop {
            let asked = *self.stop.borrow_and_update();
            while told < asked {
                told += 1;
                child.terminate();
            }
            let news = tokio::select! {
                event = child.next() => match event? {
                    Event::Ready => News::Ready(self.number),
                    Event::Alive => News::Alive,
                    Event::Ended(status) => return Ok((status, told > 0)),
                },
                // The sender lives as long as this.
                _ = self.stop.changed() => continue,
            };
            // Nobody is told who has gone.
            let _ = self.tell.send(news);
        }
    }
}

/// How long to wait after a process that has lived so long, when it was so long the last time.
fn next_pause(last: Duration, lived: Duration) -> Duration {
    if lived >= SHORT_LIFE {
        return Duration::ZERO;
    }
    last.saturating_mul(2).clamp(FIRST_PAUSE, LONGEST_PAUSE)
}

fn ended(worker: usize, status: ExitStatus) -> Failure {
    Failure::other(format!("process {worker} ended: {status}"))
}

/// When a process was started again.
#[derive(Default)]
struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// Notes one more; or tells the limit that it would break.
    fn next(&mut self, now: Instant, limits: &[RespawnLimit]) -> Option<RespawnLimit> {
        for limit in limits {
            let within = limit.within.get();
            let is_recent = |at: &&Instant| now.duration_since(**at) < within;
            if self.0.iter().filter(is_recent).count() >= limit.times {
                return Some(*limit);
            }
        }
        let longest = limits.iter().map(|limit| limit.within.get()).max();
        let longest = longest.unwrap_or(Duration::ZERO);
        self.0.push_back(now);
        self.0.retain(|at| now.duration_since(*at) < longest);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ServerSettings;

    fn restarts(seconds: &[u64]) -> Vec<bool> {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        let limits = ServerSettings::default().respawn_limits;
        let at = seconds
            .iter()
            .map(|second| start + Duration::from_secs(*second));
        at.map(|now| restarts.next(now, &limits).is_none())
            .collect()
    }

    #[test]
    fn the_fourth_end_within_15_seconds_is_the_last() {
        assert_eq!(restarts(&[0, 1, 2, 14]), [true, true, true, false]);
        assert_eq!(restarts(&[0, 1, 2, 15, 16]), [true; 5]);
    }

    #[test]
    fn pauses_grow_up_to_a_second_and_are_over_when_a_process_has_lived_for_long() {
        let mut pause = Duration::ZERO;
        let pauses = [0; 9].map(|lived| {
            pause = next_pause(pause, Duration::from_secs(lived));
            pause.as_millis()
        });
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(next_pause(pause, SHORT_LIFE), Duration::ZERO);
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
