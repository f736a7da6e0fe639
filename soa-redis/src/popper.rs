//! The tasks that take the requests of a service, one for each master.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::transport::Received;
use tokio::time::Instant;

use super::backend::{Limit, Link, OutputCuts, PopError};
use super::lease::{Holder, Way};
use super::master::MasterConnection;
use super::pop_size::{self, RoundTrip};
use super::requests::{Requests, unheld};
use super::taking::{Taken, Taker};
use super::turns::Turn;

/// Largest number of requests in one pop, unless the way to Redis is long.
const POP_COUNT: usize = 32;

/// Largest number of requests in the first pop.
const FIRST_COUNT: usize = 8;

/// Number of requests below which their jobs run before the next pop: those that can be answered at once are, and no further
/// request waits meanwhile.
const YIELD_BELOW: usize = 8;

/// Pause before a pop is unblocked once more.
const UNBLOCK_INTERVAL: Duration = Duration::from_millis(10);

/// Time limit of waiting for a link, after which the state is looked at again.
const LINK_TIMEOUT: Duration = Duration::from_millis(250);

/// The task that pops from one master.
pub(super) struct Popper {
    pub(super) requests: Arc<Requests>,
    /// Holder at this master; `None` if requests are forgotten when they are taken.
    pub(super) holder: Option<Arc<Holder>>,
    pub(super) index: usize,
    pub(super) key: Bytes,
    /// The connection for pops.
    pub(super) pops: MasterConnection,
    /// The connection for all other commands.
    pub(super) commands: Arc<MasterConnection>,
}

/// The end of a popper's task. If its runtime ends before it does, the requests that it has taken are kept for the next
/// run loop.
struct TaskEnd<'a> {
    requests: &'a Requests,
    is_done: bool,
}

impl Drop for TaskEnd<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            // Those that are held are run by others, when the lease has run out.
            let lost = unheld(self.requests.end_task());
            self.requests.filled.notify_waiters();
            if !lost.is_empty() {
                let (service, count) = (&self.requests.service, lost.len());
                tracing::error!(%service, count, "lost requests");
            }
        }
    }
}

/// Number of requests in one pull from which on as many again are likely to be there already.
const BUSY_COUNT: usize = 8;

/// The state of the queue after the last pull.
#[derive(Clone, Copy, Default)]
struct Expected {
    /// Number of requests that it left there.
    left: usize,
    /// Number of requests that have come meanwhile, if the queue is as busy as it was; 0 if it is not busy. Without it, a
    /// queue that was emptied would be waited for with one request, and asked for the others after that.
    likely: usize,
}

impl Popper {
    pub(super) async fn run(self) {
        let requests = &self.requests;
        let mut end = TaskEnd {
            requests,
            is_done: false,
        };
        let mut limit = Limit::new();
        let mut count = FIRST_COUNT;
        let mut round_trip = RoundTrip::new();
        let (cuts, mut has_failed) = (OutputCuts::default(), false);
        let mut expected = Expected::default();
        while !requests.state().is_closed {
            let link = match self.pops.link() {
                Some(link) => link,
                None => match self.pops.ready(Instant::now() + LINK_TIMEOUT, None).await {
                    Ok(link) => link,
                    Err(_) => {
                        requests.set_up(self.index, false);
                        requests.rest(&self.pops).await;
                        continue;
                    }
                },
            };
            requests.set_up(self.index, true);
            if has_failed {
                cuts.look(&link, "taking requests").await;
            }
            let far = round_trip.get(link.round_trip());
            let most = pop_size::most(POP_COUNT, far);
            let Some(turn) = requests.turn(self.index, count.min(most)).await else {
                break;
            };
            if !requests.popping.is_set() {
                requests.popping.set();
            }
            let since = Instant::now();
            let taken = match self.take(&mut limit, &link, turn, expected).await {
                Some(taken) => taken,
                None => {
                    let popped = self.pop(&mut limit, &link, turn).await;
                    let frames = popped.as_ref().map_or(&[][..], |frames| frames);
                    Taken {
                        asked: link.abilities().most_popped(turn.count),
                        took: Some(since.elapsed()),
                        has_failed: popped.is_err(),
                        requests: frames.iter().cloned().map(Received::from).collect(),
                        ..Taken::default()
                    }
                }
            };
            has_failed = taken.has_failed;
            expected = Expected {
                left: taken.left,
                likely: match taken.requests.len() {
                    brought if brought >= BUSY_COUNT => brought,
                    _ => 0,
                },
            };
            let asked = taken.asked;
            count = pop_size::next_count(count, &taken.requests);
            let has_few = taken.requests.len() < YIELD_BELOW;
            if let Some(took) = taken.took {
                round_trip.popped(asked.min(turn.count), taken.requests.len(), took);
            }
            let added = requests.add(self.index, asked, taken.requests, far);
            if added.wants_length {
                self.ask_length();
            }
            if added.is_filled {
                requests.filled.notify_waiters();
                if has_few {
                    tokio::task::yield_now().await;
                }
            } else {
                // It may be the turn of another master now.
                requests.wanted.notify_waiters();
            }
            if has_failed {
                // The log has it already.
                requests.rest(&self.pops).await;
            }
        }
        end.is_done = true;
        let left = unheld(requests.end_task());
        requests.filled.notify_waiters();
        if left.is_empty() {
            return;
        }
        let masters = [Arc::clone(&self.commands)];
        requests.give_back(&masters, left).await;
    }

    /// Asks for the length of the queue, beside the pops.
    fn ask_length(&self) {
        let (requests, commands) = (Arc::clone(&self.requests), Arc::clone(&self.commands));
        let (index, key) = (self.index, self.key.clone());
        let at = Instant::now();
        self.pops.runtime().spawn(async move {
            let length = match commands.link() {
                Some(link) => link.length(&key).await,
                None => None,
            };
            requests.state().standing.measured(index, at, length);
        });
    }

    /// Takes requests that are held. `None` if they are to be popped.
    async fn take(
        &self,
        limit: &mut Limit,
        link: &Link,
        turn: Turn,
        expected: Expected,
    ) -> Option<Taken> {
        let holder = self.holder.as_deref()?;
        let failed = || Taken {
            has_failed: true,
            ..Taken::default()
        };
        let life = match holder.way(&self.requests.settings).await {
            Way::Held(life) => life,
            Way::Plain => return None,
            Way::NotNow => return Some(failed()),
        };
        let life = &life;
        let replicas = self.requests.settings.wait_replicas;
        let taker = Taker {
            holder,
            life,
            link,
            replicas,
        };
        let mut old = taker.recover().await;
        if old.is_empty() {
            old = taker.take_old(turn.count).await;
        }
        if !old.is_empty() {
            return Some(Taken {
                asked: old.len(),
                requests: old,
                left: expected.left,
                ..Taken::default()
            });
        }
        let mut taken = match expected.left.max(expected.likely) {
            0 => Taken::default(),
            // As many as it may be: a queue that fits is taken at once, whatever its length.
            count => {
                let most = turn.count.min(count.max(POP_COUNT));
                taker.take(limit, most).await
            }
        };
        let is_idle = taken.requests.is_empty() && !taken.has_failed && !taken.is_lacking;
        if expected.left == 0 && is_idle {
            taken = {
                let waiting = taker.wait(limit, turn);
                let stopped = async {
                    tokio::select! {
                        () = self.requests.closed() => {}
                        () = holder.base.woken.notified() => {}
                    }
                };
                self.unblocking(link, waiting, stopped).await
            };
        }
        if !taker.replicate(limit, &taken.requests).await {
            // They go back, so that nobody runs what the next master has in its queue again.
            taker.give_back(std::mem::take(&mut taken.requests));
            taken.has_failed = true;
        }
        if taken.is_lacking {
            holder.doubt();
        }
        if life.is_lost() {
            // Others run what came under the old name.
            return Some(failed());
        }
        Some(taken)
    }

    /// Waits for the end of a pop. If something else happens before, it unblocks the pop.
    async fn unblocking<T>(
        &self,
        link: &Link,
        pop: impl Future<Output = T>,
        other: impl Future<Output = ()>,
    ) -> T {
        tokio::pin!(pop);
        tokio::pin!(other);
        tokio::select! {
            biased;
            popped = &mut pop => return popped,
            () = &mut other => {}
        }
        loop {
            // Unblocking that comes before its pop does nothing, so it may take more than one.
            let unblock = async {
                let ready = self.commands.ready(Instant::now() + LINK_TIMEOUT, None);
                if let Ok(commands) = ready.await {
                    commands.unblock(link).await;
                }
                tokio::time::sleep(UNBLOCK_INTERVAL).await;
            };
            tokio::select! {
                biased;
                popped = &mut pop => return popped,
                () = unblock => {}
            }
        }
    }

    /// Pops to the end, whatever happens. When the transport is closed meanwhile, it unblocks the pop.
    async fn pop(
        &self,
        limit: &mut Limit,
        link: &Link,
        turn: Turn,
    ) -> Result<Vec<Bytes>, PopError> {
        let keys = [self.key.clone()];
        let pop = link.pop(limit, &keys, turn.count, turn.block);
        let popped = self.unblocking(link, pop, self.requests.closed()).await?;
        Ok(popped.map(|popped| popped.frames).unwrap_or_default())
    }
}
