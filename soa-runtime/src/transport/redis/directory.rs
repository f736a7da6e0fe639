//! The places of masters that move, as sentinels and the nodes of a cluster report them.
//!
//! Nothing is asked before it is needed: when a master is unknown, does not answer, or is a master no more. However many
//! callers look for one at the same time, a single query is under way, in a task of its own, and its result is for all of
//! them.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::backend::{Access, Node, SentinelMaster, masters, slots};

/// Shortest and longest time for which a result counts as new. It grows while queries have none.
const RESULT_AGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// The places of masters.
#[derive(Debug)]
pub(super) struct Directory {
    access: Access,
    hosts: Vec<Node>,
    is_cluster: bool,
    state: Mutex<DirectoryState>,
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
    pub(super) fn new(access: Access, hosts: Vec<Node>, is_cluster: bool) -> Self {
        Self {
            access,
            hosts,
            is_cluster,
            state: Mutex::default(),
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
        let mut problems = Vec::new();
        let mut found = None;
        for (index, host) in hosts.iter().enumerate() {
            let known = match self.is_cluster {
                true => slots(&self.access, host).await.map(Known::Slots),
                false => masters(&self.access, host).await.map(Known::Masters),
            };
            match known {
                Ok(known) => {
                    let node = known.find(wanted);
                    let is_better = node.is_some() && node.as_ref() != refuted;
                    if is_better || found.is_none() {
                        state.known = known;
                    }
                    if node.is_none() {
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
        }
        state.asked = Some(Instant::now());
        state.unknown_since = match found {
            Some(_) => None,
            None => state.unknown_since.or(state.asked),
        };
        state.problem = problems.join("; ");
        found.ok_or_else(|| state.problem.clone())
    }
}

impl Known {
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

fn ended() -> String {
    "the runtime of the Redis transport ended".to_owned()
}
