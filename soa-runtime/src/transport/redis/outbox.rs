//! What waits to be pushed to one list.
//!
//! The first message starts a task, which takes all that is there, up to a bound, pushes it with one scripted
//! call, and goes on. What comes while a call is under way is the next batch: a lone message is sent at once, and
//! many callers share a round trip. When nothing has come for some time, or nobody is left who could send, the task
//! ends.
//!
//! A list that is full, or a Redis that cannot take a message just now, makes the outbox rest and try again by
//! the schedule of the reference, for each list by itself. It tries with one message and not with all of them.
//! Whoever cannot wait longer is told so a moment before its deadline, since its message was certainly not
//! sent. A push whose outcome is unknown is not tried again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::backend::{Limit, Link, PushError};
use super::script::Script;
use super::settings::RedisSettings;
use crate::error::{TransportError, TransportErrorKind};

/// At most so many messages, and about so many bytes, in one call: Lua unpacks them onto its stack, and Redis
/// serves nobody else meanwhile.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1024 * 1024;

/// How long before its deadline a message that could not be sent is given up, so that its sender hears why; at
/// most a quarter of the time that it had.
const MARGIN: Duration = Duration::from_millis(100);

/// Who wants to know what became of a message.
pub(super) trait Receipt: Send + 'static {
    /// Whether the message still has to be sent.
    fn is_wanted(&self) -> bool;

    /// Tells what became of it.
    fn done(self, outcome: Result<(), TransportError>);
}

/// A message to be pushed.
#[derive(Debug)]
pub(super) struct Message<R> {
    pub(super) frame: Bytes,
    /// How long the list has to live at least.
    pub(super) lifetime: Duration,
    /// When it is no longer worth sending.
    pub(super) deadline: Instant,
    pub(super) receipt: R,
}

/// The messages for one list.
#[derive(Debug)]
pub(super) struct Outbox<R> {
    shared: Arc<Shared<R>>,
}

#[derive(Debug)]
struct Shared<R> {
    link: Link,
    script: Arc<Script>,
    key: Arc<str>,
    capacity: Bytes,
    /// How long a message is offered to a full list at most.
    patience: Duration,
    state: Mutex<State<R>>,
    /// There is a message more, or nobody is left to send one.
    changed: Notify,
}

#[derive(Debug)]
struct State<R> {
    queue: VecDeque<Waiting<R>>,
    /// Whether there is a task, and whether it is not just waiting for a message.
    is_running: bool,
    is_busy: bool,
    /// Whether nobody is left to send.
    is_closed: bool,
    /// Whether the list took less than it was given the last time.
    is_full: bool,
}

#[derive(Debug)]
struct Waiting<R> {
    message: Message<R>,
    give_up: Instant,
}

/// Why messages were not taken; it is told to each of them.
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

/// So many messages may wait for a list that is full; more would only keep room from others.
const CLOGGED: usize = 16;

impl<R: Receipt> Outbox<R> {
    pub(super) fn new(
        link: Link,
        script: Arc<Script>,
        key: impl Into<Arc<str>>,
        settings: &RedisSettings,
    ) -> Self {
        // From some number on, the waits are longer than any message lives.
        let tries = settings.queue_full_retries.min(24);
        let shared = Shared {
            link,
            script,
            key: key.into(),
            capacity: settings.queue_capacity.to_string().into(),
            patience: (0..tries).map(|attempt| pause(attempt, 0.5)).sum(),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                is_running: false,
                is_busy: false,
                is_closed: false,
                is_full: false,
            }),
            changed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Sends a message, now or as soon as there is room; its receipt hears of it.
    pub(super) fn send(&self, message: Message<R>) {
        let now = Instant::now();
        let left = message.deadline.saturating_duration_since(now);
        let in_time = left - MARGIN.min(left / 4);
        let give_up = now + self.shared.patience.min(in_time);
        let mut state = self.shared.state();
        state.queue.push_back(Waiting { message, give_up });
        if state.is_running {
            drop(state);
            self.shared.changed.notify_one();
            return;
        }
        state.is_running = true;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let runtime = self.shared.link.runtime();
        runtime.spawn(async move { shared.run().await });
    }

    /// Whether nobody takes from the list, and enough waits for it already.
    pub(super) fn is_clogged(&self) -> bool {
        let state = self.shared.state();
        state.is_full && state.queue.len() >= CLOGGED
    }

    /// Whether nothing waits here or is being pushed.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.shared.state();
        state.queue.is_empty() && !state.is_busy
    }
}

impl<R> Drop for Outbox<R> {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.changed.notify_one();
    }
}

impl<R> Shared<R> {
    fn state(&self) -> MutexGuard<'_, State<R>> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Receipt> Shared<R> {
    async fn run(&self) {
        let mut limit = self.link.command_limit();
        let mut refusals = 0;
        loop {
            // Whoever is about to send gets to do so first.
            requeue().await;
            let Some(earliest) = self.earliest() else {
                let is_over = tokio::select! {
                    biased;
                    () = self.changed.notified() => self.state().is_closed,
                    () = limit.elapsed() => true,
                };
                if is_over && self.ends() {
                    return;
                }
                continue;
            };
            if !self.link.is_ready()
                && let Err(error) = self.link.ready(earliest).await
            {
                self.give_up(&error.into());
                continue;
            }
            let count = if refusals == 0 { BATCH } else { 1 };
            let mut batch = self.take(count);
            let refusal = match self.push(&mut limit, &batch).await {
                Ok(taken) => {
                    for waiting in batch.drain(..taken.min(batch.len())) {
                        waiting.message.receipt.done(Ok(()));
                    }
                    self.full()
                }
                Err(PushError::Refused(error)) => error.into(),
                Err(PushError::Unknown(error)) => {
                    let refusal = Refusal::from(error);
                    for waiting in batch.drain(..) {
                        waiting.message.receipt.done(Err(refusal.error()));
                    }
                    refusal
                }
            };
            self.state().is_full = !batch.is_empty();
            if batch.is_empty() {
                refusals = 0;
                continue;
            }
            self.put_back(batch);
            self.give_up(&refusal);
            self.rest(refusals).await;
            refusals += 1;
        }
    }

    /// Whether there is still nothing to do for the task, which has ended then.
    fn ends(&self) -> bool {
        let mut state = self.state();
        state.is_running = !state.queue.is_empty();
        !state.is_running
    }

    /// When the first of the messages has to be given up; `None` when there are none.
    fn earliest(&self) -> Option<Instant> {
        let mut state = self.state();
        // All messages of a list mostly wait equally long; it is the first one, or near enough.
        let earliest = state
            .queue
            .iter()
            .take(BATCH)
            .map(|waiting| waiting.give_up);
        let earliest = earliest.min();
        state.is_busy = earliest.is_some();
        earliest
    }

    fn take(&self, limit: usize) -> Vec<Waiting<R>> {
        let mut state = self.state();
        let mut bytes = 0;
        let fitting = state.queue.iter().take(limit).take_while(|waiting| {
            let is_first = bytes == 0;
            bytes += waiting.message.frame.len();
            is_first || bytes <= BATCH_BYTES
        });
        let count = fitting.count();
        state.queue.drain(..count).collect()
    }

    fn put_back(&self, batch: Vec<Waiting<R>>) {
        let mut state = self.state();
        for waiting in batch.into_iter().rev() {
            state.queue.push_front(waiting);
        }
    }

    /// Pushes a batch; how many of it were taken.
    fn push<'a>(
        &'a self,
        limit: &'a mut Limit,
        batch: &[Waiting<R>],
    ) -> impl Future<Output = Result<usize, PushError>> + Send + use<'a, R> {
        let lifetime = batch.iter().map(|waiting| waiting.message.lifetime).max();
        let lifetime = lifetime.unwrap_or_default().as_millis().to_string();
        let frames = batch.iter().map(|waiting| waiting.message.frame.clone());
        let mut arguments = vec![lifetime.into(), self.capacity.clone()];
        arguments.extend(frames);
        async move {
            let taken = self.link.run(limit, &self.script, &self.key, arguments);
            let taken = taken.await?;
            Ok(usize::try_from(taken).unwrap_or(0))
        }
    }

    /// Lets go of the messages that nobody wants any more or that cannot wait longer.
    fn give_up(&self, refusal: &Refusal) {
        let now = Instant::now();
        let mut given_up = Vec::new();
        let mut state = self.state();
        let mut index = 0;
        while let Some(waiting) = state.queue.get(index) {
            if now >= waiting.give_up || !waiting.message.receipt.is_wanted() {
                given_up.extend(state.queue.remove(index));
            } else {
                index += 1;
            }
        }
        drop(state);
        for waiting in given_up {
            waiting.message.receipt.done(Err(refusal.error()));
        }
    }

    /// Waits before the next attempt; less when somebody cannot wait so long.
    async fn rest(&self, refusals: u32) {
        let until = Instant::now() + pause(refusals, random());
        loop {
            let first = {
                let state = self.state();
                state.queue.iter().map(|waiting| waiting.give_up).min()
            };
            let until = first.map_or(until, |first| first.min(until));
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.changed.notified() => {}
            }
        }
    }

    fn full(&self) -> Refusal {
        Refusal {
            kind: TransportErrorKind::QueueFull,
            text: format!(
                "the list `{}` stayed full: it holds {} messages, and nobody took enough of them in time",
                self.key,
                String::from_utf8_lossy(&self.capacity),
            ),
        }
    }
}

/// Goes to the end of the line of tasks that are ready. The runtime's own way of doing so looks at the sockets first,
/// which is a system call before each push.
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

/// How long to wait after so many refusals: the schedule of the reference, with a random number below one.
fn pause(refusals: u32, random: f64) -> Duration {
    let exponent = i32::try_from(refusals.min(16)).unwrap_or(16);
    Duration::from_secs_f64((2_f64.powi(exponent) + random) / 4.0)
}

fn random() -> f64 {
    let [byte, ..] = uuid::Uuid::new_v4().into_bytes();
    f64::from(byte) / 256.0
}
