//! A way to one master, wherever it is.
//!
//! A *link* is a connection to one address; a *line* is one to a master, which may move. It keeps a link for as long as
//! that is good, and finds out anew where the master is when the link is cut or suspect. Whoever sends or pops asks it
//! for a link each time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::backend::{Access, Link, LinkRef, Node};
use super::condition::{Condition, Doing, Failure};
use super::directory::{Directory, Wanted};
use super::pause::{pause, random};
use crate::error::{TransportError, TransportErrorKind};

/// How long a master that may have moved is waited for before it is looked for again.
const ATTEMPT: Duration = Duration::from_millis(500);

/// How long it is tried to get a link that nobody waits for.
const TRIAL: Duration = Duration::from_secs(5);

/// How old the reason may be that is told where there is no other.
const QUIET: Duration = Duration::from_secs(10);

/// What all lines of a connection share.
#[derive(Debug)]
pub(super) struct Network {
    access: Access,
    pub(super) runtime: Handle,
    /// Links for commands that several lines use: many slots of a cluster are on one node.
    pool: Mutex<FxHashMap<Node, Pooled>>,
    /// The condition of each master, by the name that the log has for it.
    conditions: Mutex<FxHashMap<String, Arc<Condition>>>,
    /// The commands that are missing, as they were told last.
    missing: Mutex<FxHashMap<Node, String>>,
}

/// A link in the pool, and when it may be replaced.
#[derive(Debug)]
struct Pooled {
    link: LinkRef,
    next: Instant,
}

/// Where a master is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Fixed(Node),
    Known(Arc<Directory>, Wanted),
}

/// A way to one master.
#[derive(Debug)]
pub(super) struct Line {
    network: Arc<Network>,
    place: Place,
    is_pooled: bool,
    doing: Doing,
    /// Where its master is looked for, as long as that is not known.
    condition: Arc<Condition>,
    current: Mutex<Current>,
    /// Whether somebody is trying to get a link, without need.
    is_trying: AtomicBool,
}

/// The link of a line.
#[derive(Debug)]
struct Current {
    link: Option<Link>,
    /// When it may be replaced: one after the other would be a storm.
    next: Instant,
}

/// Why there is no link.
#[derive(Debug)]
pub(super) struct Unready {
    pub(super) error: TransportError,
    /// Whether waiting longer is not wanted.
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
        }
    }

    /// The condition of what has this name.
    fn condition(&self, name: String) -> Arc<Condition> {
        let mut conditions = lock(&self.conditions);
        let new = |name: &String| Arc::new(Condition::new(name.clone()));
        let condition = conditions.entry(name).or_insert_with_key(new);
        Arc::clone(condition)
    }

    /// A link out of the pool, or a new one that goes there; or when there may be a new one.
    fn pooled(
        &self,
        node: &Node,
        open: impl FnOnce() -> Result<Link, TransportError>,
        pause: Duration,
    ) -> Result<Result<Link, Instant>, TransportError> {
        let mut pool = lock(&self.pool);
        let now = Instant::now();
        if let Some(pooled) = pool.get(node) {
            if let Some(link) = pooled.link.link().filter(|link| !link.is_suspect()) {
                return Ok(Ok(link));
            }
            if pooled.next > now {
                return Ok(Err(pooled.next));
            }
        }
        let link = open()?;
        pool.retain(|_, pooled| pooled.link.link().is_some() || pooled.next > now);
        let pooled = Pooled {
            link: link.reference(),
            next: now + pause,
        };
        pool.insert(node.clone(), pooled);
        Ok(Ok(link))
    }

    /// Says which commands there are not, when that has changed.
    fn tell_limits(&self, link: &Link) {
        let missing = link.abilities().missing();
        let mut told = lock(&self.missing);
        if told.get(link.node()).map_or("", String::as_str) == missing {
            return;
        }
        let redis = link.node();
        if missing.is_empty() {
            tracing::info!(%redis, "this Redis and its login have all commands again");
        } else {
            tracing::warn!(%redis, missing, "this Redis or its login lacks commands; others take their place");
        }
        told.insert(redis.clone(), missing);
    }
}

impl Place {
    /// What the log calls it.
    fn name(&self) -> String {
        match self {
            Self::Fixed(node) => node.to_string(),
            Self::Known(_, Wanted::Master(name)) => format!("master `{name}`"),
            Self::Known(_, Wanted::Slot(_)) => "the cluster".to_owned(),
        }
    }
}

impl Line {
    /// A line with links of its own.
    pub(super) fn own(network: &Arc<Network>, place: Place, doing: Doing) -> Self {
        Self::new(network, place, doing, false)
    }

    /// A line for pushing whose links are shared with all others to the same node.
    pub(super) fn shared(network: &Arc<Network>, place: Place) -> Self {
        Self::new(network, place, Doing::Pushing, true)
    }

    fn new(network: &Arc<Network>, place: Place, doing: Doing, is_pooled: bool) -> Self {
        Self {
            network: Arc::clone(network),
            condition: network.condition(place.name()),
            place,
            is_pooled,
            doing,
            current: Mutex::new(Current {
                link: None,
                next: Instant::now(),
            }),
            is_trying: AtomicBool::new(false),
        }
    }

    /// The runtime that its links live on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.network.runtime
    }

    /// A link that is connected.
    pub(super) fn link(&self) -> Option<Link> {
        lock(&self.current).link.clone().filter(Link::is_ready)
    }

    /// Whether it has a link, or none is known to be out of reach. Where one is, it is tried to get one meanwhile.
    pub(super) fn is_hopeful(self: &Arc<Self>) -> bool {
        match &lock(&self.current).link {
            None => return true,
            Some(link) if link.is_ready() => return true,
            Some(_) => {}
        }
        if !self.is_trying.swap(true, Ordering::Relaxed) {
            let line = Arc::clone(self);
            self.runtime().spawn(async move {
                // Whoever needs it hears why it failed.
                let _ = line.ready(Instant::now() + TRIAL, None).await;
                line.is_trying.store(false, Ordering::Relaxed);
            });
        }
        false
    }

    /// Waits for a link that is connected. While nobody knows a master, it is looked for so many times again; with `None`
    /// for as long as there is time.
    pub(super) async fn ready(
        &self,
        deadline: Instant,
        retries: Option<u32>,
    ) -> Result<Link, Unready> {
        let mut tries = 0;
        loop {
            let current = lock(&self.current).link.clone();
            if let Some(link) = current.as_ref().filter(|link| link.is_ready()) {
                return Ok(link.clone());
            }
            // What is cut or suspect says that the master may be elsewhere.
            let is_doubtful = current.is_some() || tries > 0;
            let refuted = current.filter(Link::is_suspect);
            let refuted = refuted.as_ref().map(Link::node);
            let found = self.find(is_doubtful, refuted);
            let node = match tokio::time::timeout_at(deadline, found).await {
                Ok(Ok(node)) => node,
                Ok(Err(problem)) => {
                    self.lost(&problem);
                    let is_final = retries.is_some_and(|retries| tries >= retries);
                    let next = Instant::now() + pause(tries, random());
                    if !is_final {
                        tokio::time::sleep_until(next.min(deadline)).await;
                    }
                    if is_final || next >= deadline {
                        return Err(unready(&problem, is_final));
                    }
                    tries += 1;
                    continue;
                }
                Err(_) => return Err(unready("nobody told in time where it is", false)),
            };
            let link = match self.link_to(&node) {
                Ok(Ok(link)) => link,
                Ok(Err(next)) if next < deadline => {
                    tokio::time::sleep_until(next).await;
                    continue;
                }
                Ok(Err(_)) => {
                    tokio::time::sleep_until(deadline).await;
                    let why = self.trouble(QUIET);
                    let why = why.unwrap_or_else(|| format!("{node} is not the right one"));
                    return Err(unready(&why, false));
                }
                Err(error) => {
                    return Err(Unready {
                        error,
                        is_final: true,
                    });
                }
            };
            let attempt = match self.place {
                Place::Fixed(_) => deadline,
                Place::Known(..) => deadline.min(Instant::now() + ATTEMPT),
            };
            match link.ready(attempt).await {
                Ok(()) => {
                    self.network.tell_limits(&link);
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
                    tokio::time::sleep_until(next.min(deadline)).await;
                }
            }
        }
    }

    /// How long to wait before something is tried again that failed.
    pub(super) fn pause(&self) -> Duration {
        let link = lock(&self.current).link.clone();
        let condition = link.map_or_else(
            || Arc::clone(&self.condition),
            |link| self.condition_at(link.node()),
        );
        condition.pause()
    }

    /// What was wrong with the master in this time, or still is.
    pub(super) fn trouble(&self, within: Duration) -> Option<String> {
        let link = lock(&self.current).link.clone();
        let there = link.map(|link| self.condition_at(link.node()));
        let there = there.and_then(|condition| condition.trouble(within));
        there.or_else(|| self.condition.trouble(within))
    }

    /// The condition of the master: in a cluster that of the node, since there are many lists and few nodes.
    fn condition_at(&self, node: &Node) -> Arc<Condition> {
        match &self.place {
            Place::Known(_, Wanted::Slot(_)) => self.network.condition(node.to_string()),
            _ => Arc::clone(&self.condition),
        }
    }

    /// Tells that nobody knows where the master is.
    fn lost(&self, problem: &str) {
        let failure = Failure {
            state: "lost".to_owned(),
            text: problem.to_owned(),
            is_disconnected: false,
        };
        self.condition.failed(Doing::Finding, &failure);
    }

    async fn find(&self, is_doubtful: bool, refuted: Option<&Node>) -> Result<Node, String> {
        match &self.place {
            Place::Fixed(node) => Ok(node.clone()),
            Place::Known(directory, wanted) => {
                let node = directory.find(wanted, is_doubtful, refuted).await?;
                self.condition.works(Doing::Finding);
                Ok(node)
            }
        }
    }

    /// The current link, if it leads there and is good; otherwise another one, which becomes the current one. Or when there
    /// may be another one.
    fn link_to(&self, node: &Node) -> Result<Result<Link, Instant>, TransportError> {
        let mut current = lock(&self.current);
        let is_there = |link: &&Link| link.node() == node;
        if let Some(link) = current.link.as_ref().filter(is_there) {
            if !link.is_suspect() {
                return Ok(Ok(link.clone()));
            }
            if current.next > Instant::now() {
                return Ok(Err(current.next));
            }
        }
        let condition = self.condition_at(node);
        let pause = condition.pause();
        let open = || Link::open(&self.network.access, node, self.doing, &condition);
        let link = match self.is_pooled {
            true => match self.network.pooled(node, open, pause)? {
                Ok(link) => link,
                Err(next) => return Ok(Err(next)),
            },
            false => open()?,
        };
        current.next = Instant::now() + pause;
        current.link = Some(link.clone());
        Ok(Ok(link))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Links for pushing are shared, and there are more lines to take care of them.
        if self.doing == Doing::TakingRequests {
            self.condition.forget(self.doing);
        }
    }
}

fn unready(problem: &str, is_final: bool) -> Unready {
    let message = format!("no master of Redis can be found: {problem}");
    Unready {
        error: TransportError::new(TransportErrorKind::Transient, message),
        is_final,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
