//! The thread that gives signs of life, and finds the processes that give none.
//!
//! It has a runtime and connections of its own, so a handler that blocks all others cannot stop it.

use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use soa_runtime::internal::Signal;
use soa_runtime::observe::names;
use tokio::sync::watch;
use tokio::time::Instant;

use super::aloud::{aloud, keep_quiet};
use super::backend::Link;
use super::connection::RedisConnection;
use super::hold::Life;
use super::hold_keys::SCRIPTS;
use super::lease::{Holder, Seen, millis, name_of, renew, text};
use super::lease_time::LeaseTime;
use super::master::MasterConnection;
use super::reclaim::Reclaim;
use super::settings::RedisSettings;
use super::sweep::Sweep;

/// Longest time between two attempts before the first sign of life.
const FIRST_TICK: Duration = Duration::from_millis(200);

/// Number of ticks between two looks for slots that this process does not know of.
const AUDIT_TICKS: u32 = 30;

/// The names with which those of dead processes begin.
static DEAD: LazyLock<watch::Sender<Vec<String>>> =
    LazyLock::new(|| watch::Sender::new(Vec::new()));

/// Gives up the processes whose names begin like this: it is certain that they are dead.
pub fn give_up_holders(names: &[String]) {
    DEAD.send_if_modified(|known| {
        let is_new = known != names;
        if is_new {
            *known = names.to_vec();
        }
        is_new
    });
}

/// The leases of others, as an observer sees them.
struct Observed {
    time: LeaseTime,
    leases: FxHashMap<String, (String, Instant)>,
    looked: Option<Instant>,
}

/// A process that gives no sign of life.
#[derive(Debug, PartialEq, Eq)]
struct Silent {
    process: String,
    /// Its lease, as it was seen.
    score: String,
    /// The time for which it has not changed.
    time: Duration,
}

impl Observed {
    fn new(time: LeaseTime) -> Self {
        Self {
            time,
            leases: FxHashMap::default(),
            looked: None,
        }
    }

    /// Has the next look begin anew.
    fn forget(&mut self) {
        self.looked = None;
    }

    /// Takes note of all leases. Returns those that have not changed for as long as a lease of this process lasts.
    fn look(&mut self, leases: &[(String, String)], now: Instant) -> Vec<Silent> {
        let longest_gap = self.time.longest_gap();
        let has_gap = |looked: Instant| now.duration_since(looked) > longest_gap;
        if self.looked.is_none_or(has_gap) {
            self.leases.clear();
        }
        self.looked = Some(now);
        let mut silent = Vec::new();
        let mut seen = FxHashMap::default();
        for (process, score) in leases {
            let since = match self.leases.remove(process) {
                Some((before, since)) if before == *score => since,
                _ => now,
            };
            let time = now.duration_since(since);
            if time >= self.time.lease {
                silent.push(Silent {
                    process: process.clone(),
                    score: score.clone(),
                    time,
                });
            }
            seen.insert(process.clone(), (score.clone(), since));
        }
        self.leases = seen;
        silent
    }
}

/// The work of the thread at one master.
struct Watch {
    holder: Arc<Holder>,
    master: Arc<MasterConnection>,
    observed: Observed,
    reclaim: Reclaim,
    sweep: Sweep,
    /// The node and the name of the connection that Redis knows it by.
    connection: Option<(Link, Bytes)>,
    /// The name of this process for which Redis knows the connection.
    named: String,
    /// The beginnings of the names of dead processes that are still to be given up.
    dead: Vec<String>,
    ticks: u32,
    /// Time of the last sign of life, by the clock of Redis.
    before: u64,
}

/// Starts the thread. It ends when `stop` is set.
pub(super) fn start(settings: &RedisSettings, holders: &[Arc<Holder>], stop: &Arc<Signal>) {
    let (settings, stop) = (settings.clone(), Arc::clone(stop));
    let holders: Vec<Weak<Holder>> = holders.iter().map(Arc::downgrade).collect();
    let log = tracing::dispatcher::get_default(Clone::clone);
    let run = move || {
        let _quiet = keep_quiet(log);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = stop.wait() => {}
                    () = watch_all(settings, holders) => {}
                }
            }),
            Err(error) => tracing::error!(%error, "the thread for signs of life cannot start"),
        }
    };
    let thread = std::thread::Builder::new()
        .name("soa-lease".to_owned())
        .spawn(run);
    if let Err(error) = thread {
        // The lease runs out, and nothing more is taken.
        tracing::error!(%error, "the thread for signs of life cannot start");
    }
}

async fn watch_all(settings: RedisSettings, holders: Vec<Weak<Holder>>) {
    let tick = settings.lease_time().tick();
    let connection = match RedisConnection::new(settings) {
        Ok(connection) => connection,
        // They were checked before.
        Err(error) => return tracing::error!(%error, "the settings cannot work"),
    };
    let mut watches: Vec<Watch> = Vec::new();
    let mut dead = DEAD.subscribe();
    dead.mark_changed();
    let mut pause = Duration::ZERO;
    loop {
        let mut names = Vec::new();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // The sender is never gone.
            Ok(()) = dead.changed(), if !watches.is_empty() => {
                names.clone_from(&dead.borrow_and_update());
            }
        }
        if watches.is_empty() {
            let Some(holders) = holders
                .iter()
                .map(Weak::upgrade)
                .collect::<Option<Vec<_>>>()
            else {
                return;
            };
            let Some(first) = holders.first() else {
                return;
            };
            let Ok(ring) = connection.ring().await else {
                pause = tick;
                continue; // The log has it.
            };
            let masters = ring.request_masters(&first.base.keys.service);
            let both = holders.into_iter().zip(masters);
            watches = both
                .map(|(holder, master)| Watch::new(holder, master))
                .collect();
        }
        let ticks = watches.iter_mut().map(|watch| watch.tick(&names));
        futures_util::future::join_all(ticks).await;
        // A process that is killed in its first second is known to be gone, too.
        pause = match watches.iter().all(Watch::is_named) {
            true => tick,
            false => tick.min(FIRST_TICK),
        };
    }
}

impl Watch {
    fn new(holder: Arc<Holder>, master: Arc<MasterConnection>) -> Self {
        Self {
            reclaim: Reclaim::new(&holder),
            observed: Observed::new(holder.base.time),
            sweep: Sweep::new(holder.base.begun),
            holder,
            master,
            connection: None,
            named: String::new(),
            dead: Vec::new(),
            ticks: 0,
            before: 0,
        }
    }

    /// True if Redis knows the connection of this process.
    fn is_named(&self) -> bool {
        let life = self.holder.life();
        life.is_some_and(|life| self.named == life.id)
    }

    async fn tick(&mut self, dead: &[String]) {
        self.dead.extend_from_slice(dead);
        let Some(life) = self.holder.life() else {
            return;
        };
        let deadline = Instant::now() + self.holder.base.time.link_timeout();
        let Ok(link) = self.master.ready(deadline, None).await else {
            self.observed.forget();
            return;
        };
        let is_new = !matches!(&self.connection, Some((known, _)) if known.is_same(&link));
        if is_new {
            self.connection = Some((link.clone(), name_of(&link).await));
            self.ticks = AUDIT_TICKS - 2;
        }
        let name = self.connection.as_ref().map(|(_, name)| name.clone());
        let name = name.unwrap_or_default();
        for prefix in std::mem::take(&mut self.dead) {
            let begin = format!("{prefix}-");
            if !life.id.starts_with(&begin) {
                burn(&link, &life, begin, String::new()).await;
            }
        }
        let mut seen = match renew(&link, &life, name.clone(), self.before).await {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                life.lose();
                // What it held is answered by whoever is first, also by this process.
                self.reclaim.look_at(&life.id);
                let next = Life::new(Arc::clone(&life.base));
                let Ok(Some(seen)) = renew(&link, &next, name, self.before).await else {
                    return;
                };
                self.holder.begin(next);
                seen
            }
            Err(_) => {
                self.observed.forget();
                return;
            }
        };
        self.holder.renewed();
        self.before = seen.now;
        life.callers_gone(&seen.cancelled);
        self.named = self
            .holder
            .life()
            .map(|life| life.id.clone())
            .unwrap_or_default();
        self.holder.set_old(seen.again, seen.suspects);
        let burnt = self.give_up(&link, &life, &seen).await;
        seen.burnt
            .extend(burnt.into_iter().map(|process| (process, seen.now)));
        self.reclaim.settle(&link, &seen).await;
        self.sweep.run(&link, &life).await;
        self.ticks += 1;
        let has_doubts = life.slots(|slots| !slots.doubtful().is_empty());
        if self.ticks.is_multiple_of(AUDIT_TICKS) || is_new || has_doubts {
            self.reclaim.audit(&link, &life).await;
        }
    }

    /// Gives up the processes that give no sign of life. Returns their names.
    async fn give_up(&mut self, link: &Link, life: &Life, seen: &Seen) -> Vec<String> {
        let mut dead = Vec::new();
        for silent in self.observed.look(&seen.leases, Instant::now()) {
            // Its own lease may be longer.
            let is_over = |theirs: LeaseTime| silent.time >= theirs.lease;
            if self
                .time_of(link, &silent.process)
                .await
                .is_some_and(is_over)
            {
                dead.push((silent.process, silent.score));
            }
        }
        let run = self.connection.as_ref().map(|(_, name)| name.clone());
        let run = run.unwrap_or_default();
        let run = run.split(|byte| *byte == b':').next().unwrap_or_default();
        for (process, score) in &seen.leases {
            let age = Duration::from_millis(seen.now.saturating_sub(millis(score)));
            let is_known = dead.iter().any(|(known, _)| known == process);
            let is_fresh = age < self.holder.base.time.gone_after;
            if run.is_empty() || is_fresh || is_known || *process == life.id {
                continue;
            }
            let is_over = |theirs: LeaseTime| age >= theirs.gone_after;
            if self.time_of(link, process).await.is_some_and(is_over)
                && self.is_gone(link, process, run).await
            {
                dead.push((process.clone(), score.clone()));
            }
        }
        let mut given_up = Vec::new();
        for (process, score) in dead.into_iter().filter(|(process, _)| *process != life.id) {
            if burn(link, life, process.clone(), score).await > 0 {
                self.reclaim.look_at(&process);
                given_up.push(process);
            }
        }
        given_up
    }

    /// Returns the times that a process tells its peers. `None` if they cannot be read now.
    async fn time_of(&self, link: &Link, process: &str) -> Option<LeaseTime> {
        let holders = String::from_utf8_lossy(&self.holder.base.keys.holders);
        let field = [Bytes::from(format!("{process}:times"))];
        let told = link.ask("HGET", &holders, &field).await.ok()?;
        Some(LeaseTime::read(&text(told)))
    }

    /// True if the connection of a process is gone.
    async fn is_gone(&self, link: &Link, process: &str, run: &[u8]) -> bool {
        let holders = String::from_utf8_lossy(&self.holder.base.keys.holders);
        let field = [Bytes::copy_from_slice(process.as_bytes())];
        let Ok(name) = link.ask("HGET", &holders, &field).await else {
            return false;
        };
        let name = text(name);
        let Some((of_run, id)) = name.split_once(':') else {
            return false;
        };
        if of_run.as_bytes() != run {
            return false;
        }
        let words = [Bytes::from_static(b"ID"), Bytes::from(id.to_owned())];
        let list = link.ask("CLIENT", "LIST", &words).await;
        list.is_ok_and(|list| text(list).trim().is_empty())
    }
}

/// Gives a process up whose lease is as it was seen; without a lease, all processes whose names begin so. Returns their number.
async fn burn(link: &Link, life: &Life, process: String, score: String) -> i64 {
    let keys = &life.base.keys;
    let keys = [&keys.leases, &keys.burnt, &keys.holders];
    let keys = keys.map(|key| String::from_utf8_lossy(key));
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    let words = [Bytes::from(process.clone()), Bytes::from(score)];
    let burnt = link.ask_script(&SCRIPTS.burn, &keys, &words).await;
    let count = burnt.ok().and_then(|count| count.as_integer()).unwrap_or(0);
    if count > 0 {
        let service = &*life.base.keys.service;
        names::LEASE_BURNT
            .counter([service])
            .increment(count.unsigned_abs());
        aloud(|| {
            tracing::warn!(
                service,
                process,
                "a process gives no sign of life, or is dead, and is given up: others run what it had taken"
            );
        });
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases(score: &str) -> Vec<(String, String)> {
        vec![("a".to_owned(), score.to_owned())]
    }

    fn silent(time: LeaseTime) -> Vec<Silent> {
        vec![Silent {
            process: "a".to_owned(),
            score: "1".to_owned(),
            time: time.lease,
        }]
    }

    fn times() -> [LeaseTime; 2] {
        let short = LeaseTime {
            lease: Duration::from_secs(1),
            gone_after: Duration::from_millis(300),
        };
        [LeaseTime::default(), short]
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_is_silent_when_its_lease_is_seen_unchanged_for_long() {
        for time in times() {
            let mut observed = Observed::new(time);
            for _ in 0..10 {
                assert_eq!(observed.look(&leases("1"), Instant::now()), []);
                tokio::time::advance(time.tick()).await;
            }
            assert_eq!(observed.look(&leases("1"), Instant::now()), silent(time));
            // A sign of life begins it anew, also one from the past.
            assert_eq!(observed.look(&leases("0"), Instant::now()), []);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_observer_that_looked_away_begins_anew() {
        for time in times() {
            let mut observed = Observed::new(time);
            for _ in 0..9 {
                observed.look(&leases("1"), Instant::now());
                tokio::time::advance(time.tick()).await;
            }
            tokio::time::advance(time.longest_gap() * 2).await;
            for _ in 0..10 {
                assert_eq!(observed.look(&leases("1"), Instant::now()), []);
                tokio::time::advance(time.tick()).await;
            }
            assert_eq!(observed.look(&leases("1"), Instant::now()), silent(time));
        }
    }
}
