//! The places of masters that move, as sentinels and the nodes of a cluster report them.
//!
//! Nothing is asked before it is needed: when a master is unknown, does not answer, or is a master no more. However many
//! callers look for one at the same time, a single query is under way, in a task of its own, and its result is for all of
//! them. A host that says nothing holds nobody up: after a moment the next one is asked as well.
//!
//! All callers know what one of them learns: a master that has moved ends the links that lead to its former place, and
//! wakes all who wait for its new one.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use soa_runtime::observe::names;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::backend::{
    Access, Doubts, Link, LinkRef, Move, Node, Pulse, SentinelMaster, masters, pulse, slots,
};

/// Shortest and longest time for which a result counts as new. It grows while queries have none.
const RESULT_AGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));

/// Time that a host has to answer before the next one is asked as well.
const HOST_PATIENCE: Duration = Duration::from_millis(250);

/// Time that the former place of a master has to answer.
const PULSE_PATIENCE: Duration = Duration::from_millis(250);

/// The places of masters.
#[derive(Debug)]
pub(super) struct Directory {
    access: Access,
    hosts: Vec<Node>,
    is_cluster: bool,
    state: Mutex<DirectoryState>,
    links: Arc<Links>,
    /// The masters that worked when a sentinel answered last, and where they are.
    places: std::sync::Mutex<Vec<(String, Node)>>,
    /// True if no sentinel has answered the last query.
    is_unanswered: AtomicBool,
    /// True once the log has heard that last known masters are used.
    is_told: AtomicBool,
    /// The number of doubts, which wakes whoever answers them.
    doubts: Doubts,
    /// Number of times that the places of masters have changed.
    changes: watch::Sender<u64>,
}

/// The links that there are to masters, by the names of these.
#[derive(Debug, Default)]
pub(super) struct Links(std::sync::Mutex<Vec<(String, LinkRef)>>);

impl Links {
    /// Records a link.
    pub(super) fn add(&self, name: String, link: LinkRef) {
        let mut links = self.lock();
        links.retain(|(_, link)| link.link().is_some());
        links.push((name, link));
    }

    /// All that there are.
    fn all(&self) -> Vec<(String, Link)> {
        let links = self.lock();
        let links = links
            .iter()
            .filter_map(|(name, link)| Some((name.clone(), link.link()?)));
        links.collect()
    }

    /// Returns true if there was doubt whether this master lives, and ends it.
    pub(super) fn may_be_dead(&self, name: &str) -> bool {
        let links = self.all().into_iter().filter(|(of, _)| of == name);
        links.fold(false, |may_be, (_, link)| link.may_be_dead() || may_be)
    }

    /// Ends those to a master that lead to this node, which it has left, unless that still answers. Then it goes on to serve
    /// until it refuses a message: what was taken there just before is still in the lists of its successor, and would be run
    /// twice.
    async fn leave(&self, name: &str, node: &Node, redis: &Access) {
        if pulse(redis, node, PULSE_PATIENCE).await != Pulse::Alive {
            self.close(name, node);
        }
    }

    /// Ends those to a master that lead to this node: it is not there any more, or dead.
    pub(super) fn close(&self, name: &str, node: &Node) {
        for (of, link) in self.all() {
            if of == name && link.node() == node {
                link.close();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, LinkRef)>> {
        // Nothing panics while this is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A master to look for.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// A master by the name that the sentinels have for it.
    Master(String),
    /// The master that has a slot of the cluster.
    Slot(u16),
}

#[derive(Debug, Default)]
struct DirectoryState {
    known: Known,
    asked: Option<Instant>,
    /// Begin of the time in which queries have no result.
    unknown_since: Option<Instant>,
    /// The reason why the last query had no result.
    problem: String,
    /// Index of the host that answered last: it is asked first.
    first: usize,
}

#[derive(Debug)]
enum Known {
    Masters(Vec<SentinelMaster>),
    Slots(Vec<(RangeInclusive<u16>, Node)>),
}

impl Default for Known {
    fn default() -> Self {
        Self::Masters(Vec::new())
    }
}

impl Directory {
    pub(super) fn new(
        access: Access,
        hosts: Vec<Node>,
        is_cluster: bool,
        links: &Arc<Links>,
    ) -> Self {
        Self {
            access,
            hosts,
            is_cluster,
            state: Mutex::default(),
            links: Arc::clone(links),
            places: std::sync::Mutex::default(),
            is_unanswered: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            doubts: Arc::new(watch::Sender::new(0)),
            changes: watch::Sender::new(0),
        }
    }

    /// Its hosts.
    pub(super) fn hosts(&self) -> &[Node] {
        &self.hosts
    }

    /// Settings of the connections to its hosts.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// The number of doubts about its masters.
    pub(super) fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// The number of changes of places, which tells those who wait of the next one.
    pub(super) fn changes(&self) -> &watch::Sender<u64> {
        &self.changes
    }

    /// The place of a master of sentinels when one of them answered last.
    pub(super) fn last_known(&self, name: &str) -> Option<Node> {
        let places = self.places();
        let place = places.iter().find(|(of, _)| of == name)?;
        Some(place.1.clone())
    }

    /// True if no sentinel has answered the last query.
    pub(super) fn is_unanswered(&self) -> bool {
        self.is_unanswered.load(Ordering::Relaxed)
    }

    /// Records that a last known master is used, since no sentinel answers. The log hears of it once.
    pub(super) fn goes_on(&self, name: &str, node: &Node) {
        names::SENTINEL_UNANSWERED.counter([name]).increment(1);
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                sentinels = shown(&self.hosts),
                master = name,
                redis = %node,
                "no sentinel answers; the last known masters are used for as long as they say that they are masters"
            );
        }
    }

    /// Records that a sentinel answers, and what it says of the masters.
    fn answered(&self, known: &Known) {
        *self.places() = known.places();
        self.is_unanswered.store(false, Ordering::Relaxed);
        if self.is_told.swap(false, Ordering::Relaxed) {
            tracing::info!(sentinels = shown(&self.hosts), "a sentinel answers again");
        }
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Vec<(String, Node)>> {
        // Nothing panics while this is held.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what a sentinel, the one with this index, has announced.
    pub(super) async fn moved(&self, moved: &Move, index: usize, redis: &Access) {
        self.links.leave(&moved.name, &moved.from, redis).await;
        {
            let mut state = self.state.lock().await;
            if let Known::Masters(masters) = &mut state.known {
                masters.retain(|master| master.name != moved.name);
                masters.push(SentinelMaster {
                    name: moved.name.clone(),
                    node: moved.to.clone(),
                    is_up: true,
                });
            }
            self.answered(&state.known);
            state.asked = Some(Instant::now());
            state.unknown_since = None;
            // Others may not have heard of it yet.
            state.first = index;
        }
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Finds out whether the masters answer on the links that there are, and doubts those that do not.
    pub(super) async fn feel_pulses(&self) {
        let links = self.links.all().into_iter();
        let pulses = links.map(|(_, link)| async move { link.feel_pulse().await });
        futures_util::future::join_all(pulses).await;
    }

    /// Asks where the masters are of the links that are in doubt, and ends those that lead elsewhere.
    pub(super) async fn answer_doubts(self: &Arc<Self>, redis: &Access) {
        let links = self.links.all().into_iter();
        let doubted = links.filter(|(_, link)| link.may_be_elsewhere());
        let mut doubted: Vec<_> = doubted
            .map(|(name, link)| (name, link.node().clone()))
            .collect();
        doubted.dedup();
        for (name, node) in doubted {
            let wanted = Wanted::Master(name.clone());
            // Whoever needs it hears why it is not found.
            let Ok(found) = self.find(&wanted, true, None).await else {
                continue;
            };
            if found != node {
                self.links.leave(&name, &node, redis).await;
            }
        }
    }

    /// Asks for the names of all masters, in the order of the first sentinel that answers.
    pub(super) async fn names(self: &Arc<Self>) -> Result<Vec<String>, String> {
        let directory = Arc::clone(self);
        let names = async move {
            let mut problems = Vec::new();
            for sentinel in &directory.hosts {
                match masters(&directory.access, sentinel).await {
                    Ok(masters) if !masters.is_empty() => {
                        return Ok(masters.into_iter().map(|master| master.name).collect());
                    }
                    Ok(_) => problems.push(format!("{sentinel}: it watches no master")),
                    Err(problem) => problems.push(problem),
                }
            }
            Err(problems.join("; "))
        };
        tokio::spawn(names).await.unwrap_or_else(|_| Err(ended()))
    }

    /// Finds a master. With `is_doubtful`, since the known one did not answer, it asks anew. A node that says itself that it
    /// is not the master is `refuted`: if it is reported again, others are asked as well.
    pub(super) async fn find(
        self: &Arc<Self>,
        wanted: &Wanted,
        is_doubtful: bool,
        refuted: Option<&Node>,
    ) -> Result<Node, String> {
        let begun = Instant::now();
        let (directory, wanted) = (Arc::clone(self), wanted.clone());
        let refuted = refuted.cloned();
        // The caller may stop waiting; the next one profits from the result.
        let look = async move {
            let refuted = refuted.as_ref();
            directory.look(&wanted, is_doubtful, refuted, begun).await
        };
        tokio::spawn(look).await.unwrap_or_else(|_| Err(ended()))
    }

    async fn look(
        &self,
        wanted: &Wanted,
        is_doubtful: bool,
        refuted: Option<&Node>,
        begun: Instant,
    ) -> Result<Node, String> {
        let mut state = self.state.lock().await;
        let recent = state.unknown_since.map_or(RESULT_AGE.0, |since| {
            (since.elapsed() / 4).clamp(RESULT_AGE.0, RESULT_AGE.1)
        });
        let is_recent = state.asked.is_some_and(|asked| asked + recent >= begun);
        if is_recent || !is_doubtful {
            let found = state.known.find(wanted);
            if is_recent || found.is_some() {
                return found.ok_or_else(|| state.problem.clone());
            }
        }
        let mut hosts: Vec<Node> = self.hosts.clone();
        let first = state.first % hosts.len().max(1);
        hosts.rotate_left(first);
        if let Known::Slots(slots) = &state.known {
            // The hosts of the settings may be gone, and the cluster another one by now.
            hosts.extend(slots.iter().map(|(_, node)| node.clone()));
        }
        let before = state.known.places();
        let mut problems = Vec::new();
        let mut found = None;
        let mut has_answer = false;
        let mut waiting = hosts.iter().enumerate();
        let mut answers = FuturesUnordered::new();
        let patience = tokio::time::sleep(Duration::ZERO);
        // After one that knows of no master, the others are not waited for as long.
        let last_answer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(patience, last_answer);
        while waiting.len() > 0 || !answers.is_empty() {
            let (index, known) = tokio::select! {
                biased;
                Some(answer) = answers.next() => answer,
                () = &mut last_answer, if has_answer => break,
                () = &mut patience, if waiting.len() > 0 => {
                    if let Some((index, host)) = waiting.next() {
                        answers.push(async move { (index, self.ask(host).await) });
                    }
                    patience.as_mut().reset(Instant::now() + HOST_PATIENCE);
                    continue;
                }
            };
            match known {
                Ok(known) => {
                    if !std::mem::replace(&mut has_answer, true) {
                        let most = HOST_PATIENCE * u32::try_from(hosts.len()).unwrap_or(u32::MAX);
                        last_answer.as_mut().reset(Instant::now() + most);
                    }
                    let node = known.find(wanted);
                    let is_better = node.is_some() && node.as_ref() != refuted;
                    if is_better || found.is_none() {
                        state.known = known;
                    }
                    if let Some(host) = hosts.get(index).filter(|_| node.is_none()) {
                        problems.push(format!("{host}: it knows of no master that works"));
                    } else if is_better || found.is_none() {
                        found = node;
                        state.first = (first + index) % self.hosts.len().max(1);
                    }
                    if is_better {
                        break;
                    }
                }
                Err(problem) => problems.push(problem),
            }
            patience.as_mut().reset(Instant::now());
        }
        drop(answers);
        state.asked = Some(Instant::now());
        state.unknown_since = match found {
            Some(_) => None,
            None => state.unknown_since.or(state.asked),
        };
        state.problem = problems.join("; ");
        let places = state.known.places();
        if has_answer {
            self.answered(&state.known);
        } else if !self.is_cluster {
            // What was known before is no answer.
            state.known = Known::default();
            self.is_unanswered.store(true, Ordering::Relaxed);
        }
        if places != before {
            self.changes.send_modify(|changes| *changes += 1);
        }
        found.ok_or_else(|| state.problem.clone())
    }

    async fn ask(&self, host: &Node) -> Result<Known, String> {
        match self.is_cluster {
            true => slots(&self.access, host).await.map(Known::Slots),
            false => masters(&self.access, host).await.map(Known::Masters),
        }
    }
}

impl Known {
    /// The masters of sentinels that work, and where they are.
    fn places(&self) -> Vec<(String, Node)> {
        let Self::Masters(masters) = self else {
            return Vec::new();
        };
        let masters = masters.iter().filter(|master| master.is_up);
        let mut places: Vec<_> = masters
            .map(|master| (master.name.clone(), master.node.clone()))
            .collect();
        places.sort_by(|one, other| one.0.cmp(&other.0));
        places
    }

    fn find(&self, wanted: &Wanted) -> Option<Node> {
        match (self, wanted) {
            (Self::Masters(masters), Wanted::Master(name)) => {
                let master = masters.iter().find(|master| master.name == *name)?;
                master.is_up.then(|| master.node.clone())
            }
            (Self::Slots(slots), Wanted::Slot(slot)) => {
                let (_, node) = slots.iter().find(|(range, _)| range.contains(slot))?;
                Some(node.clone())
            }
            _ => None,
        }
    }
}

fn shown(hosts: &[Node]) -> String {
    let hosts: Vec<_> = hosts.iter().map(Node::to_string).collect();
    hosts.join(", ")
}

fn ended() -> String {
    "the runtime of the Redis transport ended".to_owned()
}
