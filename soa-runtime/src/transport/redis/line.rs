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
use super::directory::{Directory, Wanted};
use super::pause::{pause, random};
use crate::error::{TransportError, TransportErrorKind};

/// How long a master that may have moved is waited for before it is looked for again.
const ATTEMPT: Duration = Duration::from_millis(500);

/// How long it is tried to get a link that nobody waits for.
const TRIAL: Duration = Duration::from_secs(5);

/// How long to wait after an attempt.
const AGAIN: Duration = Duration::from_millis(10);

/// What all lines of a connection share.
#[derive(Debug)]
pub(super) struct Network {
    access: Access,
    pub(super) runtime: Handle,
    /// Links for commands that several lines use: many slots of a cluster are on one node.
    pool: Mutex<FxHashMap<Node, LinkRef>>,
    is_limit_told: AtomicBool,
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
    current: Mutex<Option<Link>>,
    /// Whether somebody is trying to get a link, without need.
    is_trying: AtomicBool,
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
            is_limit_told: AtomicBool::new(false),
        }
    }

    /// A link out of the pool, or a new one that goes there.
    fn pooled(&self, node: &Node) -> Result<Link, TransportError> {
        let mut pool = lock(&self.pool);
        let known = pool.get(node).and_then(LinkRef::link);
        if let Some(link) = known.filter(|link| !link.is_suspect()) {
            return Ok(link);
        }
        let link = Link::open(&self.access, node)?;
        pool.retain(|_, known| known.link().is_some());
        pool.insert(node.clone(), link.reference());
        Ok(link)
    }

    /// Says once which commands there are not.
    fn tell_limits(&self, link: &Link) {
        let missing = link.abilities().missing();
        if !missing.is_empty() && !self.is_limit_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(redis = %link.node(), missing, "this Redis or its login lacks commands; others take their place");
        }
    }
}

impl Line {
    /// A line with links of its own.
    pub(super) fn own(network: &Arc<Network>, place: Place) -> Self {
        Self::new(network, place, false)
    }

    /// A line whose links are shared with all others to the same node.
    pub(super) fn shared(network: &Arc<Network>, place: Place) -> Self {
        Self::new(network, place, true)
    }

    fn new(network: &Arc<Network>, place: Place, is_pooled: bool) -> Self {
        Self {
            network: Arc::clone(network),
            place,
            is_pooled,
            current: Mutex::default(),
            is_trying: AtomicBool::new(false),
        }
    }

    /// The runtime that its links live on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.network.runtime
    }

    /// A link that is connected.
    pub(super) fn link(&self) -> Option<Link> {
        lock(&self.current).clone().filter(Link::is_ready)
    }

    /// Whether it has a link, or none is known to be out of reach. Where one is, it is tried to get one meanwhile.
    pub(super) fn is_hopeful(self: &Arc<Self>) -> bool {
        match &*lock(&self.current) {
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
            let current = lock(&self.current).clone();
            if let Some(link) = current.as_ref().filter(|link| link.is_ready()) {
                return Ok(link.clone());
            }
            // What is cut or suspect says that the master may be elsewhere.
            let is_doubtful = current.is_some() || tries > 0;
            let node = match tokio::time::timeout_at(deadline, self.find(is_doubtful)).await {
                Ok(Ok(node)) => node,
                Ok(Err(problem)) => {
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
            let link = self.link_to(&node).map_err(|error| Unready {
                error,
                is_final: true,
            })?;
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
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    async fn find(&self, is_doubtful: bool) -> Result<Node, String> {
        match &self.place {
            Place::Fixed(node) => Ok(node.clone()),
            Place::Known(directory, wanted) => directory.find(wanted, is_doubtful).await,
        }
    }

    /// The current link, if it leads there and is good; otherwise another one, which becomes the current one.
    fn link_to(&self, node: &Node) -> Result<Link, TransportError> {
        let mut current = lock(&self.current);
        let is_good = |link: &&Link| link.node() == node && !link.is_suspect();
        if let Some(link) = current.as_ref().filter(is_good) {
            return Ok(link.clone());
        }
        let link = match self.is_pooled {
            true => self.network.pooled(node)?,
            false => Link::open(&self.network.access, node)?,
        };
        Ok(current.insert(link).clone())
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
