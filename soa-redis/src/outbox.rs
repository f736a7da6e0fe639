//! The messages that wait to be pushed to one list.
//!
//! The first message starts a task, which takes all messages, up to a bound, pushes them at once, and goes on. What comes while
//! a push is under way is the next batch: a lone message is sent at once, and many callers share a round trip. When nothing has
//! come for some time, or no sender is left, the task ends. How a batch is pushed is told in [`batch`](super::batch).
//!
//! When a list is full, or its Redis cannot take a message at present, the outbox waits and tries again by the schedule of
//! the reference, for each list by itself. It tries with one message and not with all of them. A message that cannot wait
//! longer fails a moment before its deadline, with an error that says that it was not sent. A push whose outcome is unknown
//! is not tried again, unless its messages answer requests that are held: then Redis knows which of them were answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::backend::{Limit, Link, PushError, Pushed};
use super::backlog::{Backlog, Waiting};
use super::batch::{FENCED, HeldPush, List, Pieces};
use super::hold::Place;
use super::master::MasterConnection;
use super::message::{Message, Receipt};
use super::meter::{SendMeters, as_number};
use super::pause::{pause, random};
use super::scripts::PushScripts;
use super::settings::RedisSettings;

/// Largest number of messages in one call: Lua unpacks them onto its stack.
const BATCH_COUNT: usize = 128;

/// The same where a round trip takes long: fewer round trips are worth a longer call.
const FAR_BATCH_COUNT: usize = 1024;

/// Time of a push from which on a round trip takes long.
const FAR_TIME: Duration = Duration::from_millis(5);

/// Approximate size of all messages in one call: Redis serves nobody else meanwhile.
const BATCH_SIZE: usize = 1024 * 1024;

/// Pause before Redis is asked again what it knows of a push.
const RESOLVE_PAUSE: Duration = Duration::from_millis(50);

/// Age from which on the length of a list, as the last push found it, says nothing.
const LENGTH_AGE: Duration = Duration::from_secs(1);

/// Longest pause before a push is tried again: a list that takes messages again is noticed as soon.
const MAX_RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The messages for one list.
#[derive(Debug)]
pub(super) struct Outbox<R> {
    shared: Arc<OutboxShared<R>>,
}

/// The state that the handle and the task share. The task sees when the handle is gone.
#[derive(Debug)]
struct OutboxShared<R> {
    master: Arc<MasterConnection>,
    scripts: Arc<PushScripts>,
    key: Arc<str>,
    capacity: usize,
    meters: SendMeters,
    /// Number of further attempts to find the master; `None` for as long as there is time.
    retries: Option<u32>,
    state: Mutex<OutboxState<R>>,
    /// Wakes the task: there is a message more, or no sender is left.
    changed: Notify,
}

#[derive(Debug)]
struct OutboxState<R> {
    backlog: Backlog<R>,
    /// True while there is a task.
    is_running: bool,
    /// True while it has messages.
    is_busy: bool,
    /// True once no sender is left.
    is_closed: bool,
    /// True once the list has taken a message.
    is_proven: bool,
    /// Length of the list when the last push was confirmed, and the time of it.
    length: Option<(u64, Instant)>,
}

/// The error of all messages that were not taken.
struct Refusal {
    kind: TransportErrorKind,
    text: String,
}

impl Refusal {
    fn error(&self) -> TransportError {
        TransportError::new(self.kind, self.text.clone())
    }
}

impl From<TransportError> for Refusal {
    fn from(error: TransportError) -> Self {
        let source = std::error::Error::source(&error);
        let text = match source {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        Self {
            kind: error.kind(),
            text,
        }
    }
}

/// Number of messages that may wait for a full list; more would only keep room from others.
const MAX_WAITING_FOR_FULL: usize = 16;

impl<R: Receipt> Outbox<R> {
    pub(super) fn new(
        master: Arc<MasterConnection>,
        scripts: Arc<PushScripts>,
        key: impl Into<Arc<str>>,
        settings: &RedisSettings,
        retries: Option<u32>,
        meters: SendMeters,
    ) -> Self {
        // From some number on, the waits are longer than any message lives.
        let tries = settings.queue_full_retries.min(24);
        let patience = (0..tries).map(|attempt| pause(attempt, 0.5)).sum();
        let shared = OutboxShared {
            master,
            scripts,
            key: key.into(),
            capacity: settings.queue_capacity,
            meters,
            retries,
            state: Mutex::new(OutboxState {
                backlog: Backlog::new(patience),
                is_running: false,
                is_busy: false,
                is_closed: false,
                is_proven: false,
                length: None,
            }),
            changed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Sends a message, now or as soon as there is room; its receipt hears of it.
    pub(super) fn send(&self, message: Message<R>) {
        let mut state = self.shared.state();
        state.backlog.push(message);
        if state.is_running {
            drop(state);
            self.shared.changed.notify_one();
            return;
        }
        state.is_running = true;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let runtime = self.shared.master.runtime();
        runtime.spawn(async move { shared.run().await });
    }

    /// True if the list is full, and enough messages wait for it already.
    pub(super) fn is_clogged(&self) -> bool {
        let state = self.shared.state();
        state.backlog.is_full() && state.backlog.len() >= MAX_WAITING_FOR_FULL
    }

    /// True if the list took less than it was given the last time.
    pub(super) fn is_full(&self) -> bool {
        self.shared.state().backlog.is_full()
    }

    /// True if a message that is sent now has to wait: the list takes none, or its master cannot be reached.
    pub(super) fn is_stuck(&self) -> bool {
        self.shared.master.link().is_none() || self.shared.state().backlog.is_waiting()
    }

    /// True if the list has taken a message before.
    pub(super) fn is_proven(&self) -> bool {
        self.shared.state().is_proven
    }

    /// True if messages wait already.
    pub(super) fn has_waiting(&self) -> bool {
        self.shared.state().backlog.len() > 0
    }

    /// True if no message waits or is being pushed.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.shared.state();
        state.backlog.len() == 0 && !state.is_busy
    }

    /// Takes back the messages for which this is so, of those that were certainly not sent.
    pub(super) fn recall(&self, is_meant: impl Fn(&R) -> bool) -> Vec<R> {
        let recalled = self.shared.state().backlog.recall(is_meant);
        let receipts = recalled.into_iter().map(|waiting| waiting.message.receipt);
        receipts.collect()
    }

    /// The connection to its master.
    pub(super) fn master(&self) -> &Arc<MasterConnection> {
        &self.shared.master
    }
}

impl<R> Drop for Outbox<R> {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.changed.notify_one();
    }
}

impl<R> OutboxShared<R> {
    fn state(&self) -> MutexGuard<'_, OutboxState<R>> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Receipt> OutboxShared<R> {
    async fn run(&self) {
        let mut limit = Limit::new();
        let mut refusals = 0;
        let mut most = BATCH_COUNT;
        loop {
            if self.is_done() {
                refusals = 0;
                if self.ends(&mut limit).await {
                    return;
                }
            }
            // Tasks that are about to send do so first.
            requeue().await;
            let count = if refusals == 0 { most } else { 1 };
            let link = match self.master.link() {
                Some(link) => link,
                None => match self.connect().await {
                    Some(link) => link,
                    None => continue,
                },
            };
            let mut batch = self.state().backlog.take(count, BATCH_SIZE);
            if refusals > 0 {
                batch.retain(|waiting| waiting.message.receipt.is_wanted());
            }
            batch = fence(batch);
            if batch.is_empty() {
                continue;
            }
            let since = Instant::now();
            let mut fitting = batch.len();
            let pushed = loop {
                let part = batch.get(..fitting).unwrap_or(&batch);
                let pushed = self.push(&mut limit, &link, part).await;
                // The holds on requests end with all of the responses, so those that fit are pushed by themselves.
                let room = match &pushed {
                    Ok(pushed) => pushed.short_of(),
                    Err(_) => None,
                };
                match room {
                    Some(room) if (1..fitting).contains(&room) => fitting = room,
                    _ => break pushed,
                }
            };
            let refusal = match pushed {
                Ok(Pushed { taken: FENCED, .. }) => {
                    lose(&batch);
                    self.state().backlog.put_back(batch);
                    continue;
                }
                Ok(Pushed { taken, length }) => {
                    let taken = usize::try_from(taken).unwrap_or(0);
                    let now = Instant::now();
                    let mut state = self.state();
                    state.is_proven |= taken > 0;
                    state.length = length.map(|length| (length, now));
                    drop(state);
                    let is_far = now.duration_since(since) >= FAR_TIME;
                    most = if is_far { FAR_BATCH_COUNT } else { BATCH_COUNT };
                    for waiting in batch.drain(..taken.min(batch.len())) {
                        let message = &waiting.message;
                        self.meters.time.record(now.duration_since(message.since));
                        let size: usize = message.more.iter().map(Bytes::len).sum();
                        self.meters
                            .size
                            .record(as_number(message.frame.len() + size));
                        let mut receipt = waiting.message.receipt;
                        if receipt
                            .place()
                            .is_some_and(|place| place.is_at(&self.master))
                        {
                            receipt.acknowledged();
                        }
                        receipt.done(Ok(()));
                    }
                    self.queue_full()
                }
                Err(PushError::Refused(error)) => error.into(),
                Err(PushError::Unknown(error)) => {
                    let refusal = Refusal::from(error);
                    batch = self.resolve(std::mem::take(&mut batch), &refusal).await;
                    refusal
                }
                Err(PushError::Final(error)) => {
                    let refusal = Refusal::from(error);
                    self.fail(std::mem::take(&mut batch), &refusal);
                    refusal
                }
            };
            if batch.is_empty() {
                if refusals > 0 {
                    refusals = 0;
                    self.state().backlog.go_on();
                }
                continue;
            }
            self.refused(batch, &refusal);
            if !self.is_done() {
                self.wait_to_retry(refusals).await;
                refusals += 1;
            }
        }
    }

    /// True if no message is left. Then everything is as in the beginning.
    fn is_done(&self) -> bool {
        let mut state = self.state();
        state.is_busy = state.backlog.len() > 0;
        if !state.is_busy {
            state.backlog.go_on();
        }
        !state.is_busy
    }

    /// Waits for the next message. True if there is none for as long as a push may take, or no sender is left: then the task
    /// ends, and the next message starts another.
    async fn ends(&self, limit: &mut Limit) -> bool {
        let is_over = tokio::select! {
            biased;
            () = self.changed.notified() => self.state().is_closed,
            () = limit.passed() => true,
        };
        let mut state = self.state();
        state.is_running = !is_over || state.backlog.len() > 0;
        !state.is_running
    }

    /// Waits for a connection, and fails the messages that cannot wait so long.
    async fn connect(&self) -> Option<Link> {
        let first = {
            let mut state = self.state();
            state.backlog.wait(false);
            state.backlog.next_time()?
        };
        match self.master.ready(first, self.retries).await {
            Ok(link) => {
                self.state().backlog.go_on();
                Some(link)
            }
            Err(unready) => {
                let refusal = Refusal::from(unready.error);
                if unready.is_final {
                    let all = self.state().backlog.all();
                    self.fail(all, &refusal);
                } else {
                    self.give_up(&refusal);
                }
                None
            }
        }
    }

    /// Ends the messages of a push whose outcome is unknown. Redis knows which requests were answered, as far as they are
    /// held: the responses to the others are returned, to be pushed again.
    async fn resolve(&self, batch: Vec<Waiting<R>>, refusal: &Refusal) -> Vec<Waiting<R>> {
        let is_here = |waiting: &Waiting<R>| {
            let place = waiting.message.receipt.place();
            place.is_some_and(|place| place.is_at(&self.master))
        };
        let (mut held, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_here);
        self.fail(others, refusal);
        loop {
            held = fence(held);
            let deadlines = held.iter().map(|waiting| waiting.message.deadline);
            let Some(deadline) = deadlines.max().filter(|last| *last > Instant::now()) else {
                self.fail(held, refusal);
                return Vec::new();
            };
            if let Ok(link) = self.master.ready(deadline, None).await {
                let places = held
                    .iter()
                    .filter_map(|waiting| waiting.message.receipt.place());
                let places: Vec<Place> = places.cloned().collect();
                let Some(life) = places.first().map(|place| Arc::clone(&place.slot.life)) else {
                    return held;
                };
                if let Ok(answered) = life.find_answered(&link, &places).await
                    && answered.len() == held.len()
                {
                    let mut left = Vec::new();
                    for (waiting, is_answered) in held.into_iter().zip(answered) {
                        if is_answered {
                            let mut receipt = waiting.message.receipt;
                            receipt.acknowledged();
                            receipt.done(Ok(()));
                        } else {
                            left.push(waiting);
                        }
                    }
                    return left;
                }
            }
            tokio::time::sleep(RESOLVE_PAUSE).await;
        }
    }

    /// Pushes a batch. The number of those that were taken may be [`FENCED`], or tell for how many there is room.
    fn push<'a>(
        &'a self,
        limit: &'a mut Limit,
        link: &'a Link,
        batch: &[Waiting<R>],
    ) -> impl Future<Output = Result<Pushed, PushError>> + Send + use<'a, R> {
        let held = HeldPush::of(batch, &self.master);
        let has_much_room = self.has_much_room(link, batch.len());
        let pieces = Pieces::of(batch);
        async move {
            let list = List {
                key: &self.key,
                capacity: self.capacity,
                has_much_room,
            };
            match held {
                Some(held) => held.push(limit, link, &list, pieces).await,
                None => list.push(limit, link, &self.scripts, pieces).await,
            }
        }
    }

    /// True if the list was less than half full a moment ago: then what is pushed without a look at its length can exceed its
    /// capacity by no more than what is in flight.
    fn has_much_room(&self, link: &Link, count: usize) -> bool {
        // The next push is to tell it anew, if it succeeds.
        let Some((length, since)) = self.state().length.take() else {
            return false;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        length.saturating_add(count) <= self.capacity / 2
            && since.elapsed() < LENGTH_AGE
            && link.abilities().raise
    }

    /// Puts messages back that were not taken, and fails those that cannot wait longer.
    fn refused(&self, batch: Vec<Waiting<R>>, refusal: &Refusal) {
        let is_full = refusal.kind == TransportErrorKind::QueueFull;
        self.meters.retry.increment(1);
        let mut state = self.state();
        state.backlog.put_back(batch);
        state.backlog.wait(is_full);
        drop(state);
        self.give_up(refusal);
    }

    /// Fails the messages that cannot wait longer.
    fn give_up(&self, refusal: &Refusal) {
        let expired = self.state().backlog.expired(Instant::now());
        self.fail(expired, refusal);
    }

    /// Ends messages with the error that they were not taken.
    fn fail(&self, messages: Vec<Waiting<R>>, refusal: &Refusal) {
        // A list that is full is not the fault of its Redis.
        if !messages.is_empty() && refusal.kind != TransportErrorKind::QueueFull {
            self.master.not_sent(messages.len());
        }
        for waiting in messages {
            waiting.message.receipt.done(Err(refusal.error()));
        }
    }

    /// Waits before the next attempt, or until a message has to be given up.
    async fn wait_to_retry(&self, refusals: u32) {
        // One message is offered at a time, so looking often costs little; a message itself is given up by the schedule.
        let until = Instant::now() + pause(refusals, random()).min(MAX_RETRY_PAUSE);
        loop {
            let first = self.state().backlog.next_time();
            let until = first.map_or(until, |first| first.min(until));
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.changed.notified() => {}
            }
        }
    }

    fn queue_full(&self) -> Refusal {
        Refusal {
            kind: TransportErrorKind::QueueFull,
            text: format!(
                "queue full: the list `{}` holds {} messages, and too few of them were taken in time",
                self.key, self.capacity,
            ),
        }
    }
}

/// Takes the messages out whose requests others answer.
fn fence<R: Receipt>(batch: Vec<Waiting<R>>) -> Vec<Waiting<R>> {
    let is_lost = |waiting: &Waiting<R>| {
        let place = waiting.message.receipt.place();
        place.is_some_and(Place::is_lost)
    };
    if !batch.iter().any(is_lost) {
        return batch;
    }
    let (lost, left): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_lost);
    lost.into_iter()
        .for_each(|waiting| waiting.message.receipt.fenced());
    left
}

/// Takes note that the process was given up whose requests these messages answer.
fn lose<R: Receipt>(batch: &[Waiting<R>]) {
    let mut places = batch
        .iter()
        .filter_map(|waiting| waiting.message.receipt.place());
    if let Some(place) = places.next() {
        place.slot.life.lose();
    }
}

/// Lets all other tasks run that are ready. The runtime's own way of doing so looks at the sockets first, which is a system
/// call before each push.
async fn requeue() {
    let mut has_waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
