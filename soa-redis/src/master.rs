//! A connection to one master, which may move.
//!
//! A [`Link`] is a connection to one address, a [`MasterConnection`] one to a master, wherever that is. It keeps a link for as
//! long as that works, and looks for the master again when the link is cut or suspect. Whoever sends or pops asks it for a
//! link each time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::backend::{Access, Doubts, Link, LinkRef, Monitor, Node, Pulse, pulse};
use super::condition::{Condition, Failure, Purpose};
use super::directory::{Directory, Links, Wanted};
use super::pause::{pause, random};

/// Time to wait for a master that may have moved before it is looked for again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(500);

/// Time that sentinels have to answer before the last known master is used.
const SENTINEL_PATIENCE: Duration = Duration::from_secs(1);

/// Time limit of an attempt to get a link that no caller waits for.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause after a connection was cut that had worked: others before it do not make it longer.
const CUT_PAUSE: Duration = Duration::from_millis(10);

/// Age of a failure up to which it explains a missing link.
const REASON_AGE: Duration = Duration::from_secs(10);

/// State that all connections to masters share.
#[derive(Debug)]
pub(super) struct Network {
    access: Access,
    pub(super) runtime: Handle,
    /// Links for commands: many slots of a cluster are on one node.
    pool: Mutex<FxHashMap<Node, PooledLink>>,
    /// The condition of each master, by its name for the log.
    conditions: Mutex<FxHashMap<String, Arc<Condition>>>,
    /// The commands that each Redis lacks, as they were logged last.
    missing: Mutex<FxHashMap<Node, String>>,
    /// The policy by which each Redis evicts keys, as it was logged last.
    evicting: Mutex<FxHashMap<Node, String>>,
    /// The links to masters by their names, where these may move or be given up.
    pub(super) links: Arc<Links>,
    /// The number of doubts about masters with a fixed place.
    doubts: Doubts,
    /// True if there are several masters, of which one may be given up.
    has_several: AtomicBool,
}

/// A link in the pool.
#[derive(Debug)]
struct PooledLink {
    link: LinkRef,
    /// Time from which it may be replaced.
    next: Instant,
}

/// The place of a master.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// An address in the settings.
    Fixed(Node),
    /// Wherever a directory reports it.
    Reported(Arc<Directory>, Wanted),
}

/// A connection to one master.
#[derive(Debug)]
pub(super) struct MasterConnection {
    network: Arc<Network>,
    place: Place,
    is_pooled: bool,
    purpose: Purpose,
    /// The condition of the master, or in a cluster that of the search for it.
    condition: Arc<Condition>,
    current: Mutex<CurrentLink>,
    /// True while a task tries to get a link that no caller waits for.
    is_trying: AtomicBool,
}

/// The link of a connection to a master.
#[derive(Debug)]
struct CurrentLink {
    link: Option<Link>,
    /// Time from which it may be replaced: one after the other would be a storm.
    next: Instant,
    /// Number of changes of the places of masters that are known here.
    changes: u64,
}

/// The error of a connection without a link.
#[derive(Debug)]
pub(super) struct Unready {
    pub(super) error: TransportError,
    /// True if the caller wants no further attempts.
    pub(super) is_final: bool,
}

impl Network {
    pub(super) fn new(access: Access, runtime: Handle) -> Self {
        Self {
            access,
            runtime,
            pool: Mutex::default(),
            conditions: Mutex::default(),
            missing: Mutex::default(),
            evicting: Mutex::default(),
            links: Arc::default(),
            doubts: Arc::new(watch::Sender::new(0)),
            has_several: AtomicBool::new(false),
        }
    }

    /// Has doubts told about masters with a fixed place, since there are several.
    pub(super) fn have_several(&self) {
        self.has_several.store(true, Ordering::Relaxed);
    }

    /// Describes the outage of a master that lasts.
    pub(super) fn outage(&self) -> Option<String> {
        let conditions = lock(&self.conditions);
        conditions.values().find_map(|condition| condition.outage())
    }

    /// The condition under this name.
    fn condition(&self, name: String) -> Arc<Condition> {
        let mut conditions = lock(&self.conditions);
        let new = |name: &String| Arc::new(Condition::new(name.clone()));
        let condition = conditions.entry(name).or_insert_with_key(new);
        Arc::clone(condition)
    }

    /// Returns a link out of the pool, or a new one that goes there; or the time from which there may be a new one.
    fn pooled(
        &self,
        node: &Node,
        open: impl FnOnce() -> Link,
        pause: Duration,
    ) -> Result<Link, Instant> {
        let mut pool = lock(&self.pool);
        let now = Instant::now();
        if let Some(pooled) = pool.get(node) {
            if let Some(link) = pooled.link.link().filter(|link| !link.is_spent()) {
                return Ok(link);
            }
            if pooled.next > now {
                return Err(pooled.next);
            }
        }
        let link = open();
        pool.retain(|_, pooled| pooled.link.link().is_some() || pooled.next > now);
        let pooled = PooledLink {
            link: link.reference(),
            next: now + pause,
        };
        pool.insert(node.clone(), pooled);
        Ok(link)
    }

    /// Logs which commands are missing, when that has changed.
    fn log_missing_commands(&self, link: &Link) {
        let missing = link.abilities().missing();
        let mut logged = lock(&self.missing);
        if logged.get(link.node()).map_or("", String::as_str) == missing {
            return;
        }
        let redis = link.node();
        if missing.is_empty() {
            tracing::info!(%redis, "this Redis and its login have all commands again");
        } else {
            tracing::warn!(%redis, missing, "this Redis or its login lacks commands; others are used in their place");
        }
        logged.insert(redis.clone(), missing);
    }

    /// Logs that a Redis evicts keys, when that has changed.
    fn log_eviction(&self, link: &Link) {
        let (redis, policy) = (link.node(), link.eviction());
        let mut logged = lock(&self.evicting);
        if logged.get(redis) == policy.as_ref() {
            return;
        }
        let Some(policy) = policy else {
            logged.remove(redis);
            return;
        };
        tracing::warn!(
            %redis,
            policy,
            "this Redis evicts keys when its memory is full, and queued messages are lost with them; \
             set its `maxmemory-policy` to `noeviction`"
        );
        logged.insert(redis.clone(), policy);
    }
}

impl Place {
    /// Its name among the links.
    fn key(&self) -> String {
        match self {
            Self::Reported(_, Wanted::Master(name)) => name.clone(),
            Self::Fixed(_) | Self::Reported(_, Wanted::Slot(_)) => self.name(),
        }
    }

    /// Its name for the log.
    fn name(&self) -> String {
        match self {
            Self::Fixed(node) => node.to_string(),
            Self::Reported(_, Wanted::Master(name)) => format!("master `{name}`"),
            Self::Reported(_, Wanted::Slot(_)) => "the cluster".to_owned(),
        }
    }
}

impl MasterConnection {
    /// The number of doubts about the master, if somebody finds out about them.
    pub(super) fn doubts(&self) -> Option<&Doubts> {
        match &self.place {
            Place::Reported(directory, Wanted::Master(_)) => Some(directory.doubts()),
            Place::Fixed(_) if self.network.has_several.load(Ordering::Relaxed) => {
                Some(&self.network.doubts)
            }
            Place::Fixed(_) | Place::Reported(_, Wanted::Slot(_)) => None,
        }
    }

    /// True while the master is given up, as one of several.
    pub(super) fn is_lost(&self) -> bool {
        self.condition.is_lost()
    }

    /// Records that the master is given up, and ends all links to it; or that it is there again.
    pub(super) fn set_lost(&self, is_lost: bool, node: &Node) {
        self.condition.set_lost(is_lost);
        if is_lost {
            self.network.links.close(&self.place.key(), node);
        }
    }

    /// Returns true if there was doubt whether the master lives, and ends it.
    pub(super) fn may_be_dead(&self) -> bool {
        self.network.links.may_be_dead(&self.place.key())
    }

    /// Finds out whether the master answers within this time, and where it is.
    pub(super) async fn pulse(&self, within: Duration) -> Option<(Node, Pulse)> {
        let node = self.find(false, None).await.ok()?;
        let pulse = pulse(&self.network.access, &node, within).await;
        Some((node, pulse))
    }

    /// Has the Redis at the other end of a link tell all commands.
    pub(super) async fn monitor(&self, link: &Link) -> Result<Monitor, TransportError> {
        Monitor::of(&self.network.access, link.node()).await
    }

    /// A connection with links of its own.
    pub(super) fn with_own_links(network: &Arc<Network>, place: Place, purpose: Purpose) -> Self {
        Self::new(network, place, purpose, false)
    }

    /// A connection for pushing that shares its links with all others to the same node.
    pub(super) fn with_pooled_links(network: &Arc<Network>, place: Place) -> Self {
        Self::new(network, place, Purpose::Pushing, true)
    }

    fn new(network: &Arc<Network>, place: Place, purpose: Purpose, is_pooled: bool) -> Self {
        Self {
            network: Arc::clone(network),
            condition: network.condition(place.name()),
            place,
            is_pooled,
            purpose,
            current: Mutex::new(CurrentLink {
                link: None,
                next: Instant::now(),
                changes: 0,
            }),
            is_trying: AtomicBool::new(false),
        }
    }

    /// The name of the master for the log.
    pub(super) fn name(&self) -> String {
        self.place.name()
    }

    /// The runtime of its links.
    pub(super) fn runtime(&self) -> &Handle {
        &self.network.runtime
    }

    /// The link, if it is connected.
    pub(super) fn link(&self) -> Option<Link> {
        lock(&self.current).link.clone().filter(Link::is_ready)
    }

    /// False if the link is known to be down. Then a task tries to get another.
    pub(super) fn is_up(self: &Arc<Self>) -> bool {
        if self.is_lost() {
            return false;
        }
        match &lock(&self.current).link {
            None => return true,
            Some(link) if link.is_ready() => return true,
            Some(_) => {}
        }
        if !self.is_trying.swap(true, Ordering::Relaxed) {
            let master = Arc::clone(self);
            self.runtime().spawn(async move {
                // Whoever needs a link hears why it failed.
                let _ = master.ready(Instant::now() + TRIAL_TIMEOUT, None).await;
                master.is_trying.store(false, Ordering::Relaxed);
            });
        }
        false
    }

    /// Waits for a link that is connected. While the master is unknown, it is looked for again this number of times, or
    /// until the deadline with `None`.
    pub(super) async fn ready(
        &self,
        deadline: Instant,
        retries: Option<u32>,
    ) -> Result<Link, Unready> {
        let mut tries = 0;
        // Time of the next attempt that counts, when the last one had no result.
        let mut next_try = None;
        loop {
            let current = lock(&self.current).link.clone();
            if let Some(link) = current.as_ref().filter(|link| link.is_ready()) {
                return Ok(link.clone());
            }
            // A link that is cut or suspect says that the master may be elsewhere.
            let is_doubtful = current.is_some() || tries > 0 || next_try.is_some();
            let was_wrong = current.as_ref().is_some_and(Link::is_wrong);
            let refuted = current.filter(Link::is_suspect);
            let refuted = refuted.as_ref().map(Link::node);
            let last = self.last_known();
            let patience = match last {
                Some(_) => deadline.min(Instant::now() + SENTINEL_PATIENCE),
                None => deadline,
            };
            let found = self.find(is_doubtful, refuted);
            let found = tokio::time::timeout_at(patience, found).await;
            let is_answered = matches!(&found, Ok(Ok(_)));
            let node = match (found, last) {
                (Ok(Ok(node)), _) => node,
                (Ok(Err(_)), Some(node)) if self.is_unanswered() => node,
                (Err(_), Some(node)) if Instant::now() < deadline => node,
                (Ok(Err(problem)), _) => {
                    self.log_unknown(&problem);
                    let next = match next_try {
                        Some(next) => next,
                        None if retries.is_some_and(|retries| tries >= retries) => {
                            return Err(unready(&problem, true));
                        }
                        None => Instant::now() + pause(tries, random()),
                    };
                    // It may be found meanwhile.
                    let again = next.min(Instant::now() + ATTEMPT_TIMEOUT);
                    self.rest_until(again.min(deadline)).await;
                    let now = Instant::now();
                    if now >= deadline {
                        return Err(unready(&problem, false));
                    }
                    next_try = Some(next).filter(|next| *next > now);
                    tries += u32::from(next_try.is_none());
                    continue;
                }
                (Err(_), _) => return Err(unready("the search for it timed out", false)),
            };
            let link = match self.link_to(&node) {
                Ok(link) => link,
                Err(next) if next < deadline => {
                    self.rest_until(next).await;
                    continue;
                }
                Err(_) => {
                    self.rest_until(deadline).await;
                    let why = self.trouble(REASON_AGE);
                    let why = why.unwrap_or_else(|| format!("{node} is not the master"));
                    return Err(unready(&why, false));
                }
            };
            let attempt = match self.place {
                Place::Fixed(_) => deadline,
                Place::Reported(..) => deadline.min(Instant::now() + ATTEMPT_TIMEOUT),
            };
            match link.ready(attempt).await {
                Ok(()) if !is_answered && !self.is_still_master(&link, was_wrong).await => {
                    link.refute();
                    let next = Instant::now() + self.condition_at(&node).pause();
                    self.rest_until(next.min(deadline)).await;
                    if Instant::now() >= deadline {
                        let why = format!("no sentinel answers, and {node} is not the master");
                        return Err(unready(&why, false));
                    }
                }
                Ok(()) => {
                    self.network.log_missing_commands(&link);
                    self.network.log_eviction(&link);
                    return Ok(link);
                }
                Err(error) if Instant::now() >= deadline => {
                    return Err(Unready {
                        error,
                        is_final: false,
                    });
                }
                // An attempt that fails at once must not become a busy loop.
                Err(_) => {
                    let next = Instant::now() + self.condition_at(&node).pause();
                    self.rest_until(next.min(deadline)).await;
                }
            }
        }
    }

    /// True if a Redis that was the master is one still, as it says itself; or, where the login may not ask, unless it has
    /// refused a message as a replica.
    async fn is_still_master(&self, link: &Link, was_wrong: bool) -> bool {
        let Place::Reported(directory, Wanted::Master(name)) = &self.place else {
            return true;
        };
        let is_master = link.is_master().await.unwrap_or(!was_wrong);
        if is_master {
            directory.goes_on(name, link.node());
        }
        is_master
    }

    /// The last known place of a master of sentinels.
    fn last_known(&self) -> Option<Node> {
        match &self.place {
            Place::Reported(directory, Wanted::Master(name)) => directory.last_known(name),
            _ => None,
        }
    }

    /// True if no sentinel has answered the last query.
    fn is_unanswered(&self) -> bool {
        matches!(&self.place, Place::Reported(directory, _) if directory.is_unanswered())
    }

    /// Waits before a failed command is tried again, but not longer than until the master has another place.
    pub(super) async fn rest(&self) {
        self.rest_until(Instant::now() + self.pause()).await;
    }

    /// Waits until then, or until the places of masters have changed.
    async fn rest_until(&self, until: Instant) {
        let Place::Reported(directory, _) = &self.place else {
            return tokio::time::sleep_until(until).await;
        };
        let seen = lock(&self.current).changes;
        let mut changes = directory.changes().subscribe();
        let changed = changes.wait_for(|changes| *changes != seen);
        // The directory is not gone, so its changes do not end.
        if let Ok(Ok(changes)) = tokio::time::timeout_at(until, changed).await {
            lock(&self.current).changes = *changes;
        }
    }

    /// Pause before a failed command is tried again.
    pub(super) fn pause(&self) -> Duration {
        let link = lock(&self.current).link.clone();
        if link.as_ref().is_some_and(Link::is_cut) {
            return CUT_PAUSE;
        }
        let condition = link.map_or_else(
            || Arc::clone(&self.condition),
            |link| self.condition_at(link.node()),
        );
        condition.pause()
    }

    /// Counts messages that were not sent, for the log.
    pub(super) fn not_sent(&self, count: usize) {
        let link = lock(&self.current).link.clone();
        let condition = link.map_or_else(
            || Arc::clone(&self.condition),
            |link| self.condition_at(link.node()),
        );
        condition.not_sent(count);
    }

    /// The last failure of the master within this time, or the one that still lasts.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        let link = lock(&self.current).link.clone();
        let there = link.map(|link| self.condition_at(link.node()));
        let there = there.and_then(|condition| condition.trouble(within));
        there.or_else(|| self.condition.trouble(within))
    }

    /// Describes the clock of the master, if that may be the reason why a call with this timeout had no answer. The next
    /// call gets a newer comparison.
    pub(super) fn clock_trouble(&self, timeout: Duration) -> Option<String> {
        let link = lock(&self.current).link.clone()?;
        let condition = self.condition_at(link.node());
        let ahead = condition.clock().ahead(timeout);
        let node = link.node().to_string();
        if link.is_ready() && condition.clock().is_due() {
            self.runtime()
                .spawn(async move { link.compare_clocks().await });
        }
        ahead.map(|ahead| {
            format!(
                "the clock of Redis at {node} is {ahead:.3?} ahead of the clock of this machine: \
                 a server with such a clock drops requests as expired"
            )
        })
    }

    /// The condition of the master; in a cluster that of the node, since there are many lists and few nodes.
    fn condition_at(&self, node: &Node) -> Arc<Condition> {
        match &self.place {
            Place::Reported(_, Wanted::Slot(_)) => self.network.condition(node.to_string()),
            _ => Arc::clone(&self.condition),
        }
    }

    /// Records that the place of the master is unknown, and logs it if that is due.
    fn log_unknown(&self, problem: &str) {
        let failure = Failure {
            kind: "master unknown".to_owned(),
            text: problem.to_owned(),
            is_disconnected: false,
        };
        self.condition.failed(Purpose::FindingMaster, &failure);
    }

    async fn find(&self, is_doubtful: bool, refuted: Option<&Node>) -> Result<Node, String> {
        match &self.place {
            Place::Fixed(node) => Ok(node.clone()),
            Place::Reported(directory, wanted) => {
                let node = directory.find(wanted, is_doubtful, refuted).await?;
                self.condition.works(Purpose::FindingMaster);
                Ok(node)
            }
        }
    }

    /// Returns the current link, if it leads there and works; otherwise another one, which becomes the current one. Or the
    /// time from which there may be another one.
    fn link_to(&self, node: &Node) -> Result<Link, Instant> {
        let mut current = lock(&self.current);
        let is_there = |link: &&Link| link.node() == node;
        if let Some(link) = current.link.as_ref().filter(is_there) {
            if !link.is_spent() {
                return Ok(link.clone());
            }
            if current.next > Instant::now() {
                return Err(current.next);
            }
        }
        let condition = self.condition_at(node);
        let pause = match &current.link {
            Some(link) if link.is_cut() => CUT_PAUSE,
            _ => condition.pause(),
        };
        let network = &self.network;
        let open = || {
            let (access, runtime) = (&network.access, &network.runtime);
            let doubts = self.doubts().map(Arc::clone);
            Link::open(access, node, self.purpose, &condition, doubts, runtime)
        };
        let link = match self.is_pooled {
            true => network.pooled(node, open, pause)?,
            false => open(),
        };
        if self.doubts().is_some() {
            network.links.add(self.place.key(), link.reference());
        }
        current.next = Instant::now() + pause;
        current.link = Some(link.clone());
        Ok(link)
    }
}

impl Drop for MasterConnection {
    fn drop(&mut self) {
        // Links for pushing are shared, and other connections take care of them.
        if self.purpose == Purpose::TakingRequests {
            self.condition.forget(self.purpose);
        }
    }
}

fn unready(problem: &str, is_final: bool) -> Unready {
    let message = format!("no master of Redis found: {problem}");
    Unready {
        error: TransportError::new(TransportErrorKind::Transient, message),
        is_final,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
