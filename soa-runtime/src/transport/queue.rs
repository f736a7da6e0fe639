//! A queue of frames in memory, as a transport for the run loop of a server.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::delivery::{Loss, LostJob, Promise, Verdict};
use super::hold::{Ending, Hold, Received, Reply, Slot};
use super::redelivery::{DeadLetter, Redelivery};
use super::server::ServerTransport;
use crate::error::{TransportError, TransportErrorKind};
use crate::lifetime::Signal;

/// The maximum number of requests that are taken at once: more would wait in a server while another one is idle.
const MAX_BATCH: usize = 32;

/// A request queue and its reply lists, in memory. Clones are the same queue.
///
/// It holds requests until they are answered, as a queue in Redis does for services with idempotent actions, so a test can
/// see what a [crash](Self::crash) does.
///
/// For tests and tools that speak the protocol in bytes; typed calls in one process are better off with
/// [`LocalTransport`](crate::server::LocalTransport).
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::transport::{LocalQueue, ServerTransport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// let queue = LocalQueue::new();
/// # use soa::{ActionRequest, Body, ContextHeader, Control, Encoding, JobRequest, wire};
/// # let status = ActionRequest::new("status", Body::empty(Encoding::MessagePack));
/// # let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![status]);
/// # let (version, expiry) = (wire::ProtocolVersion::V3, std::time::Duration::from_secs(5));
/// # let frame = wire::write_request(version, Encoding::MessagePack, 1, "service.tools.1!", expiry, &job)?;
/// queue.push(frame);
/// queue.close();
/// server.run(queue.clone()).await?;
/// assert_eq!(queue.replies("service.tools.1!"), 1);
/// let response = queue.reply("service.tools.1!").await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct LocalQueue {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct QueueState {
    requests: VecDeque<Bytes>,
    /// Jobs that are to run again, and those that may have ended a process.
    again: VecDeque<Job>,
    suspects: VecDeque<Job>,
    /// Jobs that were taken and are not answered, by the number of their slot and their place in it.
    held: BTreeMap<(u64, u8), Job>,
    replies: HashMap<String, VecDeque<Bytes>>,
    dead: Vec<DeadLetter>,
    is_closed: bool,
    promise: Option<Promise>,
    slots: u64,
    /// The process that takes requests, until it crashes.
    process: Arc<Process>,
}

/// A request, and what is known of its earlier deliveries.
#[derive(Clone, Debug)]
struct Job {
    frame: Bytes,
    redelivery: Option<Box<Redelivery>>,
}

/// A process that takes requests, as far as the queue knows.
#[derive(Debug, Default)]
struct Process {
    lost: Arc<Signal>,
}

/// The requests that were taken at once.
struct LocalSlot {
    queue: Arc<Queue>,
    process: Arc<Process>,
    number: u64,
}

impl Slot for LocalSlot {
    fn end(&self, place: u8, ending: Ending, redelivery: Option<Box<Redelivery>>) {
        let mut state = self.queue.state();
        // What a crash has taken away is not here any more.
        let Some(job) = state.held.remove(&(self.number, place)) else {
            return;
        };
        match ending {
            Ending::Done => {}
            Ending::NotBegun if redelivery.is_none() => state.requests.push_front(job.frame),
            Ending::NotBegun | Ending::Again => {
                let promise = state.promise.clone();
                drop(state);
                let settled = settle(promise.as_ref(), &job, Loss::HandedOver);
                state = self.queue.state();
                state.apply(job, settled);
            }
        }
        drop(state);
        self.queue.changed.notify_waiters();
    }

    fn lost(&self) -> &Arc<Signal> {
        &self.process.lost
    }

    fn has_crashed(&self) -> bool {
        self.process.lost.is_set()
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    /// Carries out what was decided about a job that was lost.
    fn apply(&mut self, job: Job, verdict: Option<Verdict>) {
        let reply = match verdict {
            Some(Verdict::Again(again)) => {
                let jobs = match again.is_suspect {
                    true => &mut self.suspects,
                    false => &mut self.again,
                };
                jobs.push_back(Job {
                    frame: job.frame,
                    redelivery: Some(Box::new(again)),
                });
                None
            }
            Some(Verdict::Unknown(reply)) => reply,
            Some(Verdict::Dead(letter, reply)) => {
                self.dead.push(*letter);
                reply
            }
            Some(Verdict::Expired | Verdict::Leave) | None => None,
        };
        if let Some(reply) = reply {
            let list = self.replies.entry(reply.reply_to).or_default();
            list.push_back(reply.frame);
        }
    }

    /// Takes the next requests: one suspect if none is held, then what is to run again, then the others.
    fn take(&mut self, most: usize) -> Vec<Job> {
        let mut held = self.held.values();
        let is_free = !held.any(|job| job.is_suspect());
        let suspects = usize::from(is_free).min(self.suspects.len()).min(most);
        let mut taken: Vec<Job> = self.suspects.drain(..suspects).collect();
        let again = self.again.len().min(most - taken.len());
        taken.extend(self.again.drain(..again));
        let others = self.requests.len().min(most - taken.len());
        taken.extend(self.requests.drain(..others).map(|frame| Job {
            frame,
            redelivery: None,
        }));
        taken
    }
}

/// Has the server decide about a job that was lost. Its hooks may use the queue.
fn settle(promise: Option<&Promise>, job: &Job, loss: Loss) -> Option<Verdict> {
    let promise = promise.filter(|promise| promise.holds())?;
    let lost = LostJob {
        frame: &job.frame,
        redelivery: job.redelivery.as_deref(),
        loss,
    };
    let verdict = promise.judge.judge(&lost);
    promise.judge.settled(&lost, &verdict);
    Some(verdict)
}

impl Job {
    fn is_suspect(&self) -> bool {
        let redelivery = self.redelivery.as_ref();
        redelivery.is_some_and(|known| known.is_suspect)
    }
}

impl LocalQueue {
    /// Creates an empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a request frame into the queue.
    pub fn push(&self, frame: impl Into<Bytes>) {
        self.state().requests.push_back(frame.into());
        self.queue.changed.notify_waiters();
    }

    /// Waits for the next frame on a reply list, however long.
    pub async fn reply(&self, reply_to: &str) -> Bytes {
        self.wait(|state| {
            let list = state.replies.get_mut(reply_to)?;
            let frame = list.pop_front();
            if list.is_empty() {
                state.replies.remove(reply_to);
            }
            frame
        })
        .await
    }

    /// Returns the number of frames that wait on a reply list.
    pub fn replies(&self, reply_to: &str) -> usize {
        self.state().replies.get(reply_to).map_or(0, VecDeque::len)
    }

    /// Ends the jobs of the server that takes from this queue, as if its process had been killed: in their middle, without an
    /// answer. What may run again does, when the server takes requests the next time; for what may not, the caller hears
    /// `OUTCOME_UNKNOWN`. Without idempotent actions, or with [`Delivery::AtMostOnce`](super::Delivery), the jobs are lost.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    /// use soa::transport::{LocalQueue, ServerTransport};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0").build()?;
    /// let queue = LocalQueue::new();
    /// let crashing = queue.clone();
    /// let stop = async move { crashing.crash() };
    /// server.run_until(queue.clone(), stop, std::time::Duration::ZERO).await?;
    /// assert!(queue.dead_letters().is_empty());
    /// # Ok(()) }
    /// ```
    pub fn crash(&self) {
        let mut state = self.state();
        let process = std::mem::take(&mut state.process);
        let held = std::mem::take(&mut state.held);
        let promise = state.promise.clone();
        drop(state);
        let had_suspect = held.values().any(Job::is_suspect);
        for job in held.into_values() {
            let loss = Loss::Crash {
                had_suspect,
                is_old: true,
            };
            let verdict = settle(promise.as_ref(), &job, loss);
            self.state().apply(job, verdict);
        }
        process.lost.set();
        self.queue.changed.notify_waiters();
    }

    /// Returns the jobs that have ended too many processes.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.state().dead.clone()
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.queue.state()
    }

    /// Waits until there is something to take.
    async fn wait<T>(&self, mut take: impl FnMut(&mut QueueState) -> Option<T>) -> T {
        loop {
            // Registered before looking, so that a change in between is not missed.
            let changed = self.queue.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(taken) = take(&mut self.state()) {
                return taken;
            }
            changed.await;
        }
    }
}

impl ServerTransport for LocalQueue {
    /// Ends the run loop of the server once the queue of requests is empty: nobody else would serve them.
    fn close(&self) {
        self.state().is_closed = true;
        self.queue.changed.notify_waiters();
    }

    async fn prepare(&self, promise: Promise) -> Result<(), TransportError> {
        self.state().promise = Some(promise);
        Ok(())
    }

    async fn receive(&self, limit: usize) -> Result<Vec<Received>, TransportError> {
        self.wait(|state| {
            let taken = state.take(limit.min(MAX_BATCH));
            if !taken.is_empty() {
                state.slots += 1;
                let slot: Arc<dyn Slot> = Arc::new(LocalSlot {
                    queue: Arc::clone(&self.queue),
                    process: Arc::clone(&state.process),
                    number: state.slots,
                });
                let number = state.slots;
                let requests = (0..).zip(taken).map(|(place, job)| {
                    state.held.insert((number, place), job.clone());
                    let hold = Hold::new(Arc::clone(&slot), place, job.redelivery);
                    Received::held(job.frame, hold)
                });
                return Some(Ok(requests.collect()));
            }
            let message = "the local queue was closed";
            let closed = || TransportError::new(TransportErrorKind::Closed, message);
            state.is_closed.then(|| Err(closed()))
        })
        .await
    }

    async fn respond(&self, reply: Reply) -> Result<(), TransportError> {
        let place = reply.hold.and_then(Hold::into_place);
        let place = place.and_then(|(slot, place)| {
            let slot: Arc<dyn Any + Send + Sync> = slot;
            Some((slot.downcast::<LocalSlot>().ok()?.number, place))
        });
        let mut state = self.state();
        if let Some(place) = place
            && state.held.remove(&place).is_none()
        {
            return Ok(()); // A crash has taken it away, so others answer it.
        }
        state
            .replies
            .entry(reply.reply_to)
            .or_default()
            .push_back(reply.frame);
        drop(state);
        self.queue.changed.notify_waiters();
        Ok(())
    }
}
