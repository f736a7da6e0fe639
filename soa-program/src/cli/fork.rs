//! `serve --fork N`: several processes, each with a server.
//!
//! This process starts the program N times and supervises the children. A child that exits by itself is restarted, up to
//! the limits in the settings, and after a pause if it has not lived for long: a program that cannot work should not keep
//! a machine busy. A child that was stopped by a signal to it alone is restarted without being counted.
//!
//! A child that reaches a limit before all of them were ready is a start that has failed, and the others are stopped. Later it
//! is given up for some time, in which the others continue and report it by `status`. If all are given up, this process ends.
//! Each signal to stop is passed on. The children have process groups of their own, so that
//! they do not receive Ctrl-C from the terminal a second time. This process notifies systemd for all of them: it is ready
//! when all are ready, and alive as long as one is. If one dies, the others are told at once, and run the jobs that it held. It
//! registers their components, too, as all of them serve one address, and tells them if the registry is away, which they
//! report.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soa_runtime::observe::names;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::child::{Child, Command, Event, News, own_path};
use super::doors::Listeners;
use super::failure::{Failure, JOBS_LOST_EXIT_CODE};
use super::notifier::Notifier;
use super::registration::{Offer, Registrar};
use super::signal::Signals;
use crate::settings::RespawnLimit;

/// Largest number of processes per processor.
const PROCESSES_PER_PROCESSOR: usize = 5;

/// Shortest lifetime of a process after which it is restarted without a pause.
const STABLE_LIFETIME: Duration = Duration::from_secs(10);

/// Pause after the first short lifetime. It doubles with each that follows.
const FIRST_RESPAWN_PAUSE: Duration = Duration::from_millis(10);

/// Longest pause before a restart.
const LONGEST_RESPAWN_PAUSE: Duration = Duration::from_secs(1);

/// Number of processes that have ended, of which the others are told.
const MAX_DEAD: usize = 16;

/// Interval at which the processes are told of the registry.
const REGISTRY_INTERVAL: Duration = Duration::from_secs(1);

/// The conditions under which processes are restarted.
pub(super) struct RespawnPolicy {
    pub(super) is_enabled: bool,
    pub(super) limits: Vec<RespawnLimit>,
    /// Time after which a process that was given up is started again.
    pub(super) retry_after: Duration,
}

/// Runs this number of processes, and supervises them until all have exited.
pub(super) async fn supervise(
    processes: usize,
    respawns: RespawnPolicy,
    notifier: &Notifier,
    listeners: Option<Listeners>,
    registrar: Option<Registrar>,
) -> Result<(), Failure> {
    let mut signals = Signals::new(notifier.parent().map_err(Failure::other)?)?;
    let most =
        std::thread::available_parallelism().map_or(1, usize::from) * PROCESSES_PER_PROCESSOR;
    if processes > most {
        tracing::warn!(
            processes,
            most,
            "starting fewer processes than requested: at most five per processor"
        );
    }
    let processes = processes.min(most);
    let (stop, stopped) = watch::channel(0);
    let (news, told) = watch::channel(News::default());
    let (report, mut reports) = mpsc::unbounded_channel();
    let program: Arc<Path> = own_path()?.into();
    let respawns = Arc::new(respawns);
    let listeners = Arc::new(Mutex::new(listeners));
    let mut workers = JoinSet::new();
    for number in 1..=processes {
        let worker = Worker {
            number,
            program: Arc::clone(&program),
            respawns: Arc::clone(&respawns),
            listeners: Arc::clone(&listeners),
            stop: stopped.clone(),
            news: told.clone(),
            report: report.clone(),
            restarts: Restarts::default(),
        };
        workers.spawn(worker.keep_alive());
    }
    let mut ready = BTreeSet::new();
    let mut given_up = BTreeSet::new();
    let mut offers = None;
    let mut outcome = Ok(());
    let mut registry_interval = tokio::time::interval(REGISTRY_INTERVAL);
    registry_interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // A process reports that it is ready before it exits.
            biased;
            // The channel is open, because `report` is still here.
            Some(message) = reports.recv() => match message {
                Report::Alive => notifier.alive(),
                // They are the same for all.
                Report::Offers(told) => offers = Some(told),
                Report::Ended(holder) => news.send_modify(|news| {
                    let old = (news.dead.len() + 1).saturating_sub(MAX_DEAD);
                    news.dead.drain(..old);
                    news.dead.push(holder);
                }),
                Report::GivenUp(number) => {
                    given_up.insert(number);
                    news.send_modify(|news| news.given_up = given_up.len());
                    // Those that have ended are not in the set any more.
                    let reason = match ready.len() < processes {
                        true => Some("startup failed; stopping the other processes"),
                        // Workers that have ended are not in the set.
                        false if given_up.len() < workers.len() => None,
                        false => Some("no process is left; stopping"),
                    };
                    if let Some(reason) = reason.filter(|_| *stop.borrow() == 0) {
                        tracing::error!("{reason}");
                        stop.send_replace(1);
                    }
                }
                Report::Ready(number) => {
                    if given_up.remove(&number) {
                        news.send_modify(|news| news.given_up = given_up.len());
                        tracing::info!(worker = number, "process that was given up serves again");
                    }
                    if ready.insert(number) && ready.len() == processes {
                        if let (Some(registrar), Some(offers)) = (&registrar, &offers) {
                            registrar.register(offers)?;
                        }
                        notifier.ready(&format!("serving in {processes} processes"));
                    }
                }
            },
            ended = workers.join_next() => {
                let failure = match ended {
                    Some(Ok(Ok(()))) => continue,
                    Some(Ok(Err(failure))) => failure,
                    Some(Err(error)) => Failure::other(error),
                    None => break,
                };
                if ready.len() < processes && *stop.borrow() == 0 {
                    tracing::error!("startup failed; stopping the other processes");
                    stop.send_replace(1);
                }
                outcome = Err(worse(outcome, failure));
            }
            _ = registry_interval.tick(), if registrar.is_some() => {
                let trouble = registrar.as_ref().and_then(Registrar::trouble);
                news.send_if_modified(|news| {
                    let is_new = news.registry != trouble;
                    news.registry = trouble;
                    is_new
                });
            }
            () = signals.next() => {
                let mut times = 1;
                if *stop.borrow() == 0 {
                    notifier.stopping();
                    if let Some(registrar) = &registrar {
                        tokio::select! {
                            () = registrar.stop() => {}
                            () = signals.next() => times += 1,
                        }
                    }
                    // When the processes have closed theirs, connections are refused.
                    *lock(&listeners) = None;
                }
                stop.send_modify(|before| *before += times);
            }
        }
    }
    // All processes may have exited by themselves.
    if let Some(registrar) = &registrar {
        registrar.stop().await;
    }
    outcome
}

/// Selects the failure to report: lost jobs before all others, else the first one.
fn worse(outcome: Result<(), Failure>, failure: Failure) -> Failure {
    match outcome {
        Err(before) if !matches!(failure, Failure::JobsLost) => before,
        _ => failure,
    }
}

/// A report of a process to the supervisor.
enum Report {
    /// The process with this name, as a holder of requests, has ended.
    Ended(String),
    /// The process exits too often.
    GivenUp(usize),
    Offers(Vec<Offer>),
    Ready(usize),
    Alive,
}

/// The supervision of one process.
struct Worker {
    number: usize,
    program: Arc<Path>,
    respawns: Arc<RespawnPolicy>,
    /// The sockets of HTTP, which all processes share: what waits in them is not lost with one of them.
    listeners: Arc<Mutex<Option<Listeners>>>,
    /// Number of signals to stop so far.
    stop: watch::Receiver<u32>,
    /// Reports of the processes.
    news: watch::Receiver<News>,
    report: mpsc::UnboundedSender<Report>,
    restarts: Restarts,
}

impl Worker {
    /// Starts the process, and restarts it when it exits by itself, until a signal to stop.
    async fn keep_alive(mut self) -> Result<(), Failure> {
        let worker = self.number;
        let number = worker.to_string();
        let mut pause = Duration::ZERO;
        let mut has_started = false;
        loop {
            let since = Instant::now();
            let holder = holder();
            let mut child = match self.start(&number, &holder) {
                Ok(child) => child,
                Err(error) if !has_started => return Err(Failure::other(error)),
                // The file of the program may be missing for a moment, or the machine may have too many processes.
                Err(error) => {
                    tracing::error!(worker, %error, "process cannot be started");
                    if !self.give_up().await {
                        return Err(Failure::other(error));
                    }
                    continue;
                }
            };
            has_started = true;
            tracing::info!(worker, pid = child.id(), "process started");
            let (status, was_signalled) = self.watch(&mut child).await?;
            // The supervisor may be gone.
            let _ = self.report.send(Report::Ended(holder));
            if was_signalled {
                return Failure::of_child(status).map_err(|failure| match failure {
                    // The process may have failed before it received the signal.
                    Failure::Child(code) if code != JOBS_LOST_EXIT_CODE => exited(worker, status),
                    _ => Failure::JobsLost,
                });
            }
            let was_stopped = Failure::of_child(status).is_ok();
            if was_stopped {
                tracing::info!(worker, %status, "process stopped by a signal");
            } else {
                tracing::error!(worker, %status, "process exited by itself");
            }
            if !self.respawns.is_enabled {
                return Err(exited(worker, status));
            }
            if !was_stopped
                && let Some(limit) = self.restarts.next(Instant::now(), &self.respawns.limits)
            {
                let RespawnLimit { times, within, .. } = limit;
                let retry_after = self.respawns.retry_after;
                tracing::error!(
                    worker,
                    ?retry_after,
                    "process exited too often; it is given up"
                );
                if !self.give_up().await {
                    return Err(Failure::other(format!(
                        "process {worker} exited again after {times} restarts within {within}"
                    )));
                }
                pause = Duration::ZERO;
            } else {
                pause = next_pause(pause, since.elapsed());
                if !pause.is_zero() && !self.pause(pause).await {
                    return Ok(());
                }
            }
            names::RESPAWN.counter([]).increment(1);
        }
    }

    fn start(&self, number: &str, holder: &str) -> std::io::Result<Child> {
        let listeners = lock(&self.listeners);
        let mut arguments = vec!["--fork-number", number];
        let passed = listeners.as_ref().map(Listeners::descriptors);
        let passed = passed.unwrap_or_default();
        if !passed.is_empty() {
            arguments.push("--takes-http");
        }
        Child::start_with(&self.program, &arguments, &passed, holder)
    }

    /// Reports that the process is given up, and waits before it is started again. Returns false if a signal to stop comes
    /// first.
    async fn give_up(&mut self) -> bool {
        // The supervisor may be gone.
        let _ = self.report.send(Report::GivenUp(self.number));
        self.pause(self.respawns.retry_after).await
    }

    /// Waits before a restart. Returns false if a signal to stop comes first.
    async fn pause(&mut self, pause: Duration) -> bool {
        let signal = self.stop.wait_for(|times| *times > 0);
        tokio::time::timeout(pause, signal).await.is_err()
    }

    /// Waits for the exit of the process, and passes signals and reports on. The flag is true if there was a signal.
    async fn watch(&mut self, child: &mut Child) -> Result<(ExitStatus, bool), Failure> {
        // There may have been a signal before the process was started.
        let mut passed_on = 0;
        let mut told = News::default();
        loop {
            let news = self.news.borrow_and_update().clone();
            if news != told {
                told.clone_from(&news);
                child.send(&Command::Report(news));
            }
            let signals = *self.stop.borrow_and_update();
            while passed_on < signals {
                passed_on += 1;
                child.terminate();
            }
            let message = tokio::select! {
                event = child.next() => match event? {
                    Event::Offers(offers) => Report::Offers(offers),
                    Event::Ready => Report::Ready(self.number),
                    Event::Alive => Report::Alive,
                    Event::Exited(status) => return Ok((status, passed_on > 0)),
                },
                // The senders outlive this.
                _ = self.stop.changed() => continue,
                _ = self.news.changed() => continue,
            };
            // The supervisor may be gone.
            let _ = self.report.send(message);
        }
    }
}

fn lock(listeners: &Mutex<Option<Listeners>>) -> MutexGuard<'_, Option<Listeners>> {
    // Nothing panics while it is held.
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a name that no process has had.
fn holder() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// The pause before a restart, from the previous pause and the lifetime of the process.
fn next_pause(last: Duration, lived: Duration) -> Duration {
    if lived >= STABLE_LIFETIME {
        return Duration::ZERO;
    }
    last.saturating_mul(2)
        .clamp(FIRST_RESPAWN_PAUSE, LONGEST_RESPAWN_PAUSE)
}

fn exited(worker: usize, status: ExitStatus) -> Failure {
    Failure::other(format!("process {worker} exited: {status}"))
}

/// The times at which a process was restarted.
#[derive(Default)]
struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// Adds a restart, or returns the limit that it would exceed.
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
    fn the_fourth_exit_within_15_seconds_is_the_last() {
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
        assert_eq!(next_pause(pause, STABLE_LIFETIME), Duration::ZERO);
    }

    #[test]
    fn the_ninth_exit_within_60_seconds_is_the_last() {
        let often = [0, 7, 14, 21, 28, 35, 42, 49, 56];
        assert_eq!(
            restarts(&often),
            [true, true, true, true, true, true, true, true, false]
        );
        let rare: Vec<u64> = (0..100).map(|number| number * 8).collect();
        assert!(restarts(&rare).into_iter().all(|allowed| allowed));
    }
}
