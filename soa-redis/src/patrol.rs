//! A task that finds out which masters of a ring are dead.
//!
//! Requests go to any master, but the answers to a client's calls come by one: that of its reply list. When that is dead, or
//! hangs, all calls of the client would run for nothing. So where there are several masters, one that refuses connections, or
//! says nothing for a second, is given up until it answers again. All connections to it end, and the clients go on with
//! lists on others.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use soa_runtime::{TransportError, TransportErrorKind};

use super::backend::{Node, Pulse};
use super::master::MasterConnection;
use super::reader::Reader;

/// Time that a master has to answer, besides the time after which a command makes one doubt it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Time after which a master that has refused a connection is tried again: it may just be starting.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);

/// Shortest and longest pause between two looks at masters.
const LOOK_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));

/// A part of a client that depends on masters.
pub(super) trait Dependent: Send + Sync {
    /// Goes on without this master, and takes back what was certainly not sent to it, or in the name of a list on it.
    fn go_on_without(&self, commands: &Arc<MasterConnection>, reader: &Arc<Reader>);
}

/// All that depends on the masters of a ring.
#[derive(Default)]
pub(super) struct Dependents(Mutex<Vec<Weak<dyn Dependent>>>);

impl Dependents {
    /// Adds one, until it is gone.
    pub(super) fn add(&self, dependent: Weak<dyn Dependent>) {
        let mut all = self.lock();
        all.retain(|dependent| dependent.strong_count() > 0);
        all.push(dependent);
    }

    fn all(&self) -> Vec<Arc<dyn Dependent>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<dyn Dependent>>> {
        // Nothing panics while this is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Dependents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dependents")
            .field(&self.lock().len())
            .finish()
    }
}

/// The connections to one master.
pub(super) type Patrolled = (Arc<MasterConnection>, Arc<Reader>);

/// Looks after the masters of a ring, for ever.
pub(super) async fn patrol(masters: Vec<Patrolled>, dependents: Arc<Dependents>) {
    // Those of a ring have their doubts in common.
    let doubts = masters.first().and_then(|(commands, _)| commands.doubts());
    let Some(mut doubts) = doubts.map(|doubts| doubts.subscribe()) else {
        return;
    };
    // The masters are here, so their doubts do not end.
    while doubts.changed().await.is_ok() {
        let (mut pause, longest) = LOOK_PAUSE;
        loop {
            let looks = masters.iter().map(|master| look(master, &dependents));
            futures_util::future::join_all(looks).await;
            if !masters.iter().any(|(commands, _)| commands.is_lost()) {
                tokio::time::sleep(LOOK_PAUSE.0).await;
                break;
            }
            // Another one may be in doubt before this one is back.
            let _ = tokio::time::timeout(pause, doubts.changed()).await;
            tokio::time::sleep(LOOK_PAUSE.0).await;
            pause = (pause * 2).min(longest);
        }
    }
}

/// Looks at a master, and gives it up or takes it back.
async fn look((commands, reader): &Patrolled, dependents: &Dependents) {
    // Healthy ones are left alone.
    let may_be_dead = commands.may_be_dead();
    if !may_be_dead && !commands.is_lost() {
        return;
    }
    let Some((mut node, mut pulse)) = commands.pulse(PATIENCE).await else {
        return; // Nobody knows where it is, and it is looked for.
    };
    if pulse == Pulse::Refused && !commands.is_lost() {
        tokio::time::sleep(REFUSED_PAUSE).await;
        match commands.pulse(PATIENCE).await {
            Some(second) => (node, pulse) = second,
            None => return,
        }
    }
    let redis = commands.name();
    match (pulse, commands.is_lost()) {
        (Pulse::Alive, true) => {
            commands.set_lost(false, &node);
            tracing::info!(redis, "a master of the ring answers again");
        }
        (Pulse::Silent | Pulse::Refused, false) => {
            tracing::warn!(
                redis,
                "a master of the ring does not answer; requests and answers go by the others until it does"
            );
            give_up(commands, reader, dependents, &node);
        }
        _ => {}
    }
}

fn give_up(
    commands: &Arc<MasterConnection>,
    reader: &Arc<Reader>,
    dependents: &Dependents,
    node: &Node,
) {
    // New messages go to others from here on.
    commands.set_lost(true, node);
    reader.abandon();
    for dependent in dependents.all() {
        dependent.go_on_without(commands, reader);
    }
    // What still waits was sent, or is being sent.
    let message = format!(
        "the master of the reply list, Redis at {node}, does not answer: the request may have been run, or not"
    );
    reader.give_up(&TransportError::new(TransportErrorKind::Transient, message));
}
