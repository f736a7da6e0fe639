//! How long a job may run, and who is told when that is over.
//!
//! A [`Lifetime`] belongs to one job. It is *over* when the job's deadline has passed, when its server stops and
//! waits no longer, or when its caller is known to be gone. Handlers and the tasks that they have started can wait
//! for that. What ends a handler is [`Limited`]: a future around another, which gives up on it at the deadline or
//! when the server stops, not when the caller goes (a started job is finished).
//!
//! A future that is ready when it is first polled pays for none of this: timers and wakers are set up for those
//! that have to wait.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::BoxFuture;

/// Something that happens once and can be waited for.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    is_set: AtomicBool,
    waiting: Notify,
    /// How many jobs have ended by it.
    ended: AtomicUsize,
}

impl Signal {
    pub(crate) fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    /// How many jobs have been given up because of it.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::Acquire)
    }

    /// Returns when it is set, also when that was before.
    pub(crate) async fn wait(&self) {
        let mut notified = std::pin::pin!(self.waiting.notified());
        // From here on no signal is missed, so it is looked at afterwards.
        notified.as_mut().enable();
        if !self.is_set() {
            notified.await;
        }
    }
}

/// How long one job may run.
#[derive(Debug, Default)]
pub(crate) struct Lifetime {
    /// When the caller, or the server, waits no longer.
    pub(crate) deadline: Option<Instant>,
    /// Set when the server that runs the job stops and its grace is over.
    pub(crate) stop: Option<Arc<Signal>>,
    over: Signal,
    is_cut: AtomicBool,
}

impl Lifetime {
    pub(crate) fn new(deadline: Option<Instant>, stop: Option<Arc<Signal>>) -> Self {
        Self {
            deadline,
            stop,
            ..Self::default()
        }
    }

    /// Says that nobody waits for the job any more. What was started is finished.
    pub(crate) fn abandon(&self) {
        self.over.set();
    }

    fn cut(&self) {
        let was_cut = self.is_cut.swap(true, Ordering::AcqRel);
        if let Some(stop) = self.stop.as_ref().filter(|stop| stop.is_set())
            && !was_cut
        {
            stop.ended.fetch_add(1, Ordering::AcqRel);
        }
        self.over.set();
    }

    /// Whether a handler was given up: no further action of the job may start.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_set() || self.is_out_of_time()
    }

    /// Whether its end has come, seen or not by the handler that runs.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
            || self.stop.as_ref().is_some_and(|stop| stop.is_set())
    }

    /// Returns when it is over.
    pub(crate) async fn until_over(&self) {
        tokio::select! {
            () = self.over.wait() => {}
            () = limit(self.deadline, self.stop.clone()) => {}
        }
    }
}

/// Returns at the deadline, or when the server stops.
async fn limit(deadline: Option<Instant>, stop: Option<Arc<Signal>>) {
    let at_deadline = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let stopped = async {
        match stop {
            Some(stop) => stop.wait().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = at_deadline => {}
        () = stopped => {}
    }
}

/// A future was given up at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfTime;

/// A future that is given up at a limit.
pub(crate) struct Limited<F, L> {
    inner: F,
    lifetime: L,
    deadline: Option<Instant>,
    margin: Duration,
    limit: Option<BoxFuture<()>>,
}

impl<F, L> Limited<F, L> {
    /// Gives up at the end of the lifetime, or at this deadline where it is earlier.
    pub(crate) fn new(inner: F, lifetime: L, deadline: Option<Instant>) -> Self {
        Self {
            inner,
            lifetime,
            deadline,
            margin: Duration::ZERO,
            limit: None,
        }
    }

    /// Gives up so much later: for a future that contains limited ones, which are to be the first.
    pub(crate) fn with_margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }
}

impl<F, L> Future for Limited<F, L>
where
    F: Future + Unpin,
    L: Deref<Target = Lifetime> + Unpin,
{
    type Output = Result<F::Output, OutOfTime>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = Pin::new(&mut this.inner).poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if this.deadline.is_none() && this.lifetime.stop.is_none() {
            return Poll::Pending;
        }
        let limit = this.limit.get_or_insert_with(|| {
            let (deadline, margin) = (this.deadline, this.margin);
            let limit = limit(deadline, this.lifetime.stop.clone());
            if margin.is_zero() {
                return Box::pin(limit);
            }
            Box::pin(async move {
                limit.await;
                tokio::time::sleep(margin).await;
            })
        });
        std::task::ready!(limit.as_mut().poll(cx));
        this.lifetime.cut();
        Poll::Ready(Err(OutOfTime))
    }
}

/// A handler of a blocking action that runs, counted for as long as this exists.
pub(crate) struct Blocking(Arc<AtomicUsize>);

impl Blocking {
    /// Counts one more in `running`.
    pub(crate) fn new(running: &Arc<AtomicUsize>) -> Self {
        running.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(running))
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
