//! Signs of life of a process, and the processes that give none.
//!
//! A thread of its own, with a runtime and connections of its own, renews the lease of the process at each master, once a
//! second by default: a handler that blocks all others cannot stop it. With the same command it sees the leases of all others.
//!
//! **Death is observed, not computed.** A process is given up if its lease was seen unchanged for `lease`, by the monotonic
//! clock of the observer and without a gap in its looking. No two clocks are compared, so neither a clock that is set nor an
//! observer that was stopped gives anybody up. It goes faster where it is certain: if the connection of the process is gone,
//! and its lease is `gone_after` old by the clock of Redis, which has written it. A Redis that was started again, or has
//! become the master, knows no connection of before, so the name of its run is part of that of a connection.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::backend::Link;
use super::hold::Life;
use super::hold_base::Base;
use super::hold_keys::{SCRIPTS, number};
use super::settings::RedisSettings;
use super::value::RedisValue;

/// Time limit of getting a connection to end a lease.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// The way in which the requests of a master are taken.
#[derive(Clone)]
pub(super) enum Way {
    /// They are held until they are answered.
    Held(Arc<Life>),
    /// They are forgotten when they are taken.
    Plain,
    /// None are taken at present.
    NotNow,
}

/// The part of this process at one master.
pub(super) struct Holder {
    pub(super) base: Arc<Base>,
    /// True if requests are not taken where they cannot be held.
    must_hold: bool,
    state: Mutex<HolderState>,
}

#[derive(Default)]
struct HolderState {
    life: Option<Arc<Life>>,
    /// Time from which the rights of the login are tried again, as it lacks some.
    plain_until: Option<Instant>,
    is_warned: bool,
    /// True if the login may have lost a right.
    is_doubtful: bool,
    /// Time of the last sign of life.
    renewed: Option<Instant>,
    /// Time until which nothing is said about replicas that are behind.
    quiet_until: Option<Instant>,
    /// True if there are jobs to run again.
    has_again: bool,
    has_suspects: bool,
}

/// Returns an error about what a login lacks, with the line that adds it.
pub(super) fn lacking(settings: &RedisSettings, what: &str) -> TransportError {
    let user = settings.username.as_deref().unwrap_or("default");
    let message = format!(
        "this login cannot hold requests, so a job is lost with the process that runs it: {what}; to add what is missing: \
         ACL SETUSER {user} ~{{pysoa:* {COMMANDS}"
    );
    TransportError::new(TransportErrorKind::Misconfigured, message)
}

/// The commands that holding needs besides those of the reference, and those of transactions, without which scripts push.
const COMMANDS: &str = "+lmove +blmove +rename +lpop +lpush +lset +lrange +del +exists +persist +pttl +pexpire +hset +hget +hdel +zadd +zrem +zscore \
     +zrange +zremrangebyscore +zremrangebyrank +time +client|id +client|list +client|unblock +info +multi +exec +watch";

impl Holder {
    pub(super) fn new(base: Arc<Base>, must_hold: bool) -> Self {
        Self {
            base,
            must_hold,
            state: Mutex::default(),
        }
    }

    /// Returns the way in which requests are taken over this link.
    pub(super) async fn way(&self, settings: &RedisSettings) -> Way {
        {
            let state = self.state();
            let now = Instant::now();
            if state.plain_until.is_some_and(|until| now < until) {
                return self.without();
            }
            if let Some(life) = state.life.as_ref().filter(|life| !life.is_lost())
                && !state.is_doubtful
            {
                let safe_time = self.base.time.safe_time();
                let is_safe = |renewed: Instant| now.duration_since(renewed) < safe_time;
                return match state.renewed.is_some_and(is_safe) {
                    true => Way::Held(Arc::clone(life)),
                    false => Way::NotNow,
                };
            }
        }
        let link = match self
            .base
            .master
            .ready(Instant::now() + self.base.time.link_timeout(), None)
            .await
        {
            Ok(link) => link,
            Err(_) => return Way::NotNow,
        };
        match self.try_to_hold(&link, settings).await {
            Ok(()) => {}
            Err(error) if error.kind() == TransportErrorKind::Misconfigured => {
                self.refused(&error);
                return self.without();
            }
            Err(_) => return Way::NotNow,
        }
        {
            let mut state = self.state();
            state.plain_until = None;
            state.is_warned = false;
            state.is_doubtful = false;
            if state.life.as_ref().is_some_and(|life| !life.is_lost()) {
                return Way::NotNow; // The next time.
            }
        }
        let life = Life::new(Arc::clone(&self.base));
        // The thread renews it over its own connection soon.
        let name = name_of(&link).await;
        match renew(&link, &life, name, 0).await {
            Ok(Some(_)) => {
                let mut state = self.state();
                // The thread may have begun one meanwhile.
                let current = state.life.clone().filter(|life| !life.is_lost());
                let life = current.unwrap_or(life);
                state.renewed = Some(Instant::now());
                state.life = Some(Arc::clone(&life));
                Way::Held(life)
            }
            _ => Way::NotNow,
        }
    }

    fn without(&self) -> Way {
        match self.must_hold {
            true => Way::NotNow,
            false => Way::Plain,
        }
    }

    /// Tries whether the login and this Redis have what it takes.
    ///
    /// # Errors
    /// They have not ([`TransportErrorKind::Misconfigured`]), or it is not known.
    pub(super) async fn try_to_hold(
        &self,
        link: &Link,
        settings: &RedisSettings,
    ) -> Result<(), TransportError> {
        let keys = &self.base.keys;
        let keys =
            [&keys.requests, &keys.probe()].map(|key| String::from_utf8_lossy(key).into_owned());
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let errors = match link.ask_script(&SCRIPTS.probe, &keys, &[]).await {
            Ok(errors) => errors.into_list(),
            Err(failed) if failed.is_lacking => {
                return Err(lacking(settings, &failed.error.to_string()));
            }
            Err(failed) => return Err(failed.error),
        };
        let errors = errors.into_iter().filter_map(RedisValue::into_bytes);
        let errors = errors.map(|error| String::from_utf8_lossy(&error).into_owned());
        let mut errors = errors.filter(|error| !error.contains("not allowed from script"));
        match errors.next() {
            None => Ok(()),
            Some(first) => Err(lacking(settings, &first)),
        }
    }

    /// Takes note that the login lacks a right, and warns once.
    pub(super) fn refused(&self, error: &TransportError) {
        let mut state = self.state();
        state.plain_until = Some(Instant::now() + Duration::from_secs(60));
        if std::mem::replace(&mut state.is_warned, true) {
            return;
        }
        drop(state);
        let (service, redis) = (&*self.base.keys.service, self.base.master.name());
        match self.must_hold {
            true => {
                tracing::error!(service, redis, %error, "no requests are taken, as `delivery` is at-least-once")
            }
            false => tracing::warn!(service, redis, %error, "requests are delivered at most once"),
        }
    }

    /// Takes note that too few replicas knew in time what was taken, and warns once a minute.
    pub(super) fn is_behind(&self, known: i64, wanted: u32) {
        let now = Instant::now();
        let mut state = self.state();
        if state.quiet_until.is_some_and(|until| now < until) {
            return;
        }
        state.quiet_until = Some(now + Duration::from_secs(60));
        drop(state);
        let (service, redis) = (&*self.base.keys.service, self.base.master.name());
        tracing::warn!(
            service,
            redis,
            known,
            wanted,
            "too few replicas know in time which requests were taken: after a failover, they may run twice"
        );
    }

    /// Has the rights of the login tried again, as it lost one. What is held stays held.
    pub(super) fn doubt(&self) {
        self.state().is_doubtful = true;
    }

    /// True if there are jobs to run again that this process may take.
    pub(super) fn has_old(&self, life: &Life) -> bool {
        let state = self.state();
        state.has_again || state.has_suspects && !life.slots(|slots| slots.has_suspect())
    }

    /// Records whether there are jobs to run again, and wakes the pops.
    pub(super) fn set_old(&self, has_again: bool, has_suspects: bool) {
        let mut state = self.state();
        state.has_again = has_again;
        state.has_suspects = has_suspects;
        drop(state);
        if has_again || has_suspects {
            self.base.woken.notify_one();
        }
    }

    /// The current life, if there is one.
    pub(super) fn life(&self) -> Option<Arc<Life>> {
        self.state().life.clone()
    }

    /// Ends the lease: with nothing held, it is forgotten; otherwise the others take over at once.
    pub(super) async fn leave(&self) {
        let Some(life) = self.state().life.take() else {
            return;
        };
        life.told().await;
        if life.is_lost() {
            return;
        }
        let Ok(link) = self
            .base
            .master
            .ready(Instant::now() + LEAVE_TIMEOUT, None)
            .await
        else {
            return;
        };
        let keys = &self.base.keys;
        let (script, keys, words) = match life.open() {
            0 => {
                let keys = vec![&keys.leases, &keys.holders];
                (&SCRIPTS.leave, keys, vec![Bytes::from(life.id.clone())])
            }
            _ => {
                let keys = vec![&keys.leases, &keys.burnt, &keys.holders];
                let words = vec![Bytes::from(life.id.clone()), Bytes::new()];
                (&SCRIPTS.burn, keys, words)
            }
        };
        let keys: Vec<_> = keys
            .into_iter()
            .map(|key| String::from_utf8_lossy(key))
            .collect();
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        // Otherwise its lease runs out.
        let _ = link.ask_script(script, &keys, &words).await;
    }

    /// Begins another life, as the last one was given up.
    pub(super) fn begin(&self, life: Arc<Life>) {
        self.state().life = Some(life);
    }

    /// Records a sign of life.
    pub(super) fn renewed(&self) {
        self.state().renewed = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, HolderState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The news of a sign of life about the others.
pub(super) struct Seen {
    /// The time of Redis, in milliseconds.
    pub(super) now: u64,
    pub(super) leases: Vec<(String, String)>,
    pub(super) burnt: Vec<(String, u64)>,
    pub(super) again: bool,
    pub(super) suspects: bool,
    /// Ids of jobs whose callers are gone, the latest of them.
    pub(super) cancelled: HashSet<String>,
}

/// Gives a sign of life. `None` if this process was given up. `before` is the time of the last one, by the clock of Redis; 0
/// if it is the first.
pub(super) async fn renew(
    link: &Link,
    life: &Life,
    connection: Bytes,
    before: u64,
) -> Result<Option<Seen>, TransportError> {
    let keys = &life.base.keys;
    let keys = [
        &keys.leases,
        &keys.burnt,
        &keys.holders,
        &keys.again,
        &keys.suspect,
        &keys.cancelled,
    ];
    let keys = keys.map(|key| String::from_utf8_lossy(key));
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    let words = [
        life.id.clone().into(),
        connection,
        number(life.slots_known()),
        number(before),
        life.base.time.write(),
    ];
    let answer = link.ask_script(&SCRIPTS.renew, &keys, &words).await;
    let mut answer = answer
        .map_err(|failed| failed.error)?
        .into_list()
        .into_iter();
    if answer.next().and_then(|is_alive| is_alive.as_integer()) != Some(1) {
        return Ok(None);
    }
    let now = answer.next().map(text).unwrap_or_default();
    let leases = answer.next().map(pairs).unwrap_or_default();
    let burnt = answer.next().map(pairs).unwrap_or_default();
    let mut has = || answer.next().and_then(|length| length.as_integer()) > Some(0);
    let (again, suspects) = (has(), has());
    let cancelled = answer.next().map(RedisValue::into_list).unwrap_or_default();
    Ok(Some(Seen {
        now: now.parse().unwrap_or(0),
        leases,
        burnt: burnt
            .into_iter()
            .map(|(process, time)| (process, millis(&time)))
            .collect(),
        again,
        suspects,
        cancelled: cancelled.into_iter().map(text).collect(),
    }))
}

pub(super) fn text(value: RedisValue) -> String {
    let bytes = value.into_bytes().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn pairs(value: RedisValue) -> Vec<(String, String)> {
    let mut values = value.into_list().into_iter().map(text);
    let mut pairs = Vec::new();
    while let (Some(first), Some(second)) = (values.next(), values.next()) {
        pairs.push((first, second));
    }
    pairs
}

/// Reads a time in milliseconds, which Redis may write as `1.7e+12`.
pub(super) fn millis(text: &str) -> u64 {
    let time: f64 = text.parse().unwrap_or(0.0);
    format!("{:.0}", time.max(0.0)).parse().unwrap_or(0)
}

/// The name of a connection: the run of its Redis, and its number there. Empty if the login may not ask.
pub(super) async fn name_of(link: &Link) -> Bytes {
    let info = link.ask("INFO", "server", &[]).await;
    let id = link.ask("CLIENT", "ID", &[]).await;
    let (Ok(info), Ok(RedisValue::Integer(id))) = (info, id) else {
        return Bytes::new();
    };
    let info = text(info);
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    run.map_or_else(Bytes::new, |run| format!("{}:{id}", run.trim()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_redis_are_read_in_all_of_their_forms() {
        assert_eq!(millis("1764500000123"), 1_764_500_000_123);
        assert_eq!(millis("1.764500000123e+12"), 1_764_500_000_123);
        assert_eq!(millis("x"), 0);
    }
}
