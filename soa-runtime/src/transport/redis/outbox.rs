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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::backend::{Limit, Link, PushError};
use super::backlog::{Backlog, Waiting};
use super::line::Line;
use super::pause::{pause, random};
use super::script::Script;
use super::settings::RedisSettings;
use crate::error::{TransportError, TransportErrorKind};
use crate::observe::meter::{SendMeters, as_number};

/// At most so many messages, and about so many bytes, in one call: Lua unpacks them onto its stack, and Redis
/// serves nobody else meanwhile.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1024 * 1024;

/// How long a list that takes nothing is left alone at most: what has mended itself is noticed as soon.
const LONGEST_REST: Duration = Duration::from_millis(500);

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
    /// What belongs to it and has to come right after it.
    pub(super) more: Vec<Bytes>,
    /// How long the list has to live at least.
    pub(super) lifetime: Duration,
    /// Since when there is something to send.
    pub(super) since: Instant,
    /// When it is no longer worth sending.
    pub(super) deadline: Instant,
    pub(super) receipt: R,
}

/// The scripts that push.
#[derive(Debug)]
pub(super) struct Pushes {
    pub(super) some: Script,
    pub(super) whole: Script,
}

/// The messages for one list.
#[derive(Debug)]
pub(super) struct Outbox<R> {
    shared: Arc<Shared<R>>,
}

/// What the handle has in common with the task, which sees when the handle is gone.
#[derive(Debug)]
struct Shared<R> {
    line: Arc<Line>,
    scripts: Arc<Pushes>,
    key: Arc<str>,
    capacity: Bytes,
    meters: SendMeters,
    /// How often a master is looked for while nobody knows one; `None` for as long as there is time.
    retries: Option<u32>,
    state: Mutex<State<R>>,
    /// There is a message more, or nobody is left to send one.
    changed: Notify,
}

#[derive(Debug)]
struct State<R> {
    backlog: Backlog<R>,
    /// Whether there is a task.
    is_running: bool,
    /// Whether it has something to do.
    is_busy: bool,
    /// Whether nobody is left to send.
    is_closed: bool,
    /// Whether the list has taken something.
    is_proven: bool,
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
        line: Arc<Line>,
        scripts: Arc<Pushes>,
        key: impl Into<Arc<str>>,
        settings: &RedisSettings,
        retries: Option<u32>,
        meters: SendMeters,
    ) -> Self {
        // From some number on, the waits are longer than any message lives.
        let tries = settings.queue_full_retries.min(24);
        let patience = (0..tries).map(|attempt| pause(attempt, 0.5)).sum();
        let shared = Shared {
            line,
            scripts,
            key: key.into(),
            capacity: settings.queue_capacity.to_string().into(),
            meters,
            retries,
            state: Mutex::new(State {
                backlog: Backlog::new(patience),
                is_running: false,
                is_busy: false,
                is_closed: false,
                is_proven: false,
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
        let runtime = self.shared.line.runtime();
        runtime.spawn(async move { shared.run().await });
    }

    /// Whether nobody takes from the list, and enough waits for it already.
    pub(super) fn is_clogged(&self) -> bool {
        let state = self.shared.state();
        state.backlog.is_full() && state.backlog.len() >= CLOGGED
    }

    /// Whether what is sent now has to wait: the list takes nothing, or its master cannot be reached.
    pub(super) fn is_stuck(&self) -> bool {
        self.shared.line.link().is_none() || self.shared.state().backlog.is_waiting()
    }

    /// Whether the list has ever taken anything.
    pub(super) fn is_proven(&self) -> bool {
        self.shared.state().is_proven
    }

    /// Whether something waits here already.
    pub(super) fn has_waiting(&self) -> bool {
        self.shared.state().backlog.len() > 0
    }

    /// Whether nothing waits here or is being pushed.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.shared.state();
        state.backlog.len() == 0 && !state.is_busy
    }

    /// The way to its master.
    pub(super) fn line(&self) -> &Arc<Line> {
        &self.shared.line
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
        let mut limit = Limit::new();
        let mut refusals = 0;
        loop {
            if self.is_done() {
                refusals = 0;
                if self.ends(&mut limit).await {
                    return;
                }
            }
            // Whoever is about to send gets to do so first.
            requeue().await;
            let count = if refusals == 0 { BATCH } else { 1 };
            let link = match self.line.link() {
                Some(link) => link,
                None => match self.connect().await {
                    Some(link) => link,
                    None => continue,
                },
            };
            let mut batch = self.state().backlog.take(count, BATCH_BYTES);
            if refusals > 0 {
                batch.retain(|waiting| waiting.message.receipt.is_wanted());
            }
            if batch.is_empty() {
                continue;
            }
            let refusal = match self.push(&mut limit, &link, &batch).await {
                Ok(taken) => {
                    self.state().is_proven |= taken > 0;
                    let now = Instant::now();
                    for waiting in batch.drain(..taken.min(batch.len())) {
                        let message = &waiting.message;
                        self.meters.time.record(now.duration_since(message.since));
                        let size: usize = message.more.iter().map(Bytes::len).sum();
                        self.meters
                            .size
                            .record(as_number(message.frame.len() + size));
                        waiting.message.receipt.done(Ok(()));
                    }
                    self.full()
                }
                Err(PushError::Refused(error)) => error.into(),
                Err(PushError::Final(error) | PushError::Unknown(error)) => {
                    let refusal = Refusal::from(error);
                    tell(batch.drain(..), &refusal);
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
                self.rest(refusals).await;
                refusals += 1;
            }
        }
    }

    /// Whether nothing is left to be done. What comes next finds everything as in the beginning.
    fn is_done(&self) -> bool {
        let mut state = self.state();
        state.is_busy = state.backlog.len() > 0;
        if !state.is_busy {
            state.backlog.go_on();
        }
        !state.is_busy
    }

    /// Waits for the next message. Ends the task when there is none for as long as a push may take, or nobody is left
    /// to send one; whoever sends later starts another.
    async fn ends(&self, limit: &mut Limit) -> bool {
        let is_over = tokio::select! {
            biased;
            () = self.changed.notified() => self.state().is_closed,
            () = limit.is_over() => true,
        };
        let mut state = self.state();
        state.is_running = !is_over || state.backlog.len() > 0;
        !state.is_running
    }

    /// Waits for a connection, and gives up who cannot wait so long.
    async fn connect(&self) -> Option<Link> {
        let first = {
            let mut state = self.state();
            state.backlog.wait(false);
            state.backlog.next_time()?
        };
        match self.line.ready(first, self.retries).await {
            Ok(link) => {
                self.state().backlog.go_on();
                Some(link)
            }
            Err(unready) => {
                let refusal = Refusal::from(unready.error);
                if unready.is_final {
                    let all = self.state().backlog.all();
                    tell(all, &refusal);
                } else {
                    self.give_up(&refusal);
                }
                None
            }
        }
    }

    /// Pushes a batch; how many of it were taken.
    fn push<'a>(
        &'a self,
        limit: &'a mut Limit,
        link: &'a Link,
        batch: &[Waiting<R>],
    ) -> impl Future<Output = Result<usize, PushError>> + Send + use<'a, R> {
        let lifetime = batch.iter().map(|waiting| waiting.message.lifetime).max();
        let lifetime = lifetime.unwrap_or_default().as_millis().to_string();
        let mut arguments = vec![lifetime.into(), self.capacity.clone()];
        let messages = batch.iter().map(|waiting| &waiting.message);
        arguments.extend(messages.clone().map(|message| message.frame.clone()));
        let more: Vec<_> = messages.flat_map(|message| message.more.clone()).collect();
        let is_whole = !more.is_empty();
        arguments.extend(more);
        async move {
            let script = if is_whole {
                &self.scripts.whole
            } else {
                &self.scripts.some
            };
            let taken = link.run(limit, script, &self.key, arguments).await?;
            Ok(usize::try_from(taken).unwrap_or(0))
        }
    }

    /// Puts back what was not taken, but for who cannot wait longer.
    fn refused(&self, batch: Vec<Waiting<R>>, refusal: &Refusal) {
        let is_full = refusal.kind == TransportErrorKind::QueueFull;
        self.meters.retry.increment(1);
        let mut state = self.state();
        state.backlog.put_back(batch);
        state.backlog.wait(is_full);
        drop(state);
        self.give_up(refusal);
    }

    /// Lets go of the messages that cannot wait longer.
    fn give_up(&self, refusal: &Refusal) {
        let expired = self.state().backlog.expired(Instant::now());
        tell(expired, refusal);
    }

    /// Waits before the next attempt; less when somebody cannot wait so long.
    async fn rest(&self, refusals: u32) {
        // One message is offered at a time, so looking often costs little; a message itself is given up by the schedule.
        let until = Instant::now() + pause(refusals, random()).min(LONGEST_REST);
        loop {
            let first = self.state().backlog.next_time();
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

/// Tells messages why they were not taken.
fn tell<R: Receipt>(messages: impl IntoIterator<Item = Waiting<R>>, refusal: &Refusal) {
    for waiting in messages {
        waiting.message.receipt.done(Err(refusal.error()));
    }
}
