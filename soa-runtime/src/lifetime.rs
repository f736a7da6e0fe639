//! Lifetimes of jobs: deadlines, and signals that end a job early.
//!
//! A [`Lifetime`] belongs to one job. It is *over* when the job's deadline has passed, when its server stops and its
//! grace is over, or when its caller is known to be gone. Handlers and the tasks that they have started can wait for
//! that. [`Limited`] ends a handler: a future around another, which gives up on it at the deadline or when the server
//! stops, but not when the caller goes (a started job is finished).
//!
//! A future that is ready when it is first polled pays for none of this: timers and wakers are set up only for futures
//! that have to wait.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::BoxFuture;

/// An event that happens once and can be waited for.
#[derive(Debug, Default)]
pub struct Signal {
    is_set: AtomicBool,
    waiting: Notify,
    /// The number of jobs that have ended because of it.
    ended: AtomicUsize,
}

impl Signal {
    /// Sets it, and wakes all that wait.
    pub fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    /// True once it was set.
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    /// Returns the number of jobs that have been given up because of it.
    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::Acquire)
    }

    /// Waits until it is set. Returns at once if it is set already.
    pub async fn wait(&self) {
        let mut notified = std::pin::pin!(self.waiting.notified());
        // From here on no signal is missed, so check it afterwards.
        notified.as_mut().enable();
        if !self.is_set() {
            notified.await;
        }
    }
}

/// The way in which a job was delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The frame of its request, from which its id follows; `None` for one that came without a frame.
    pub(crate) frame: Option<Bytes>,
    /// The number of this delivery; 0 counts as the first.
    pub(crate) attempt: u32,
    /// Set when others hold the request, and nobody takes this response any more.
    pub(crate) lost: Option<Arc<Signal>>,
    /// Set when the caller is known to be gone. The started job is finished.
    pub(crate) gone: Option<Arc<Signal>>,
}

impl Origin {
    /// Returns true if nobody takes the response.
    fn is_unheard(&self) -> bool {
        let mut signals = [&self.lost, &self.gone].into_iter().flatten();
        signals.any(|signal| signal.is_set())
    }

    /// Waits until nobody takes the response.
    async fn unheard(&self) {
        let wait = async |signal: &Option<Arc<Signal>>| match signal {
            Some(signal) => signal.wait().await,
            None => std::future::pending().await,
        };
        tokio::select! {
            () = wait(&self.lost) => {}
            () = wait(&self.gone) => {}
        }
    }

    /// Returns the id of the job, which follows from its frame. No two frames are equal: each has the name of its reply list
    /// and the number of its request, or, if it wants no response, a correlation id and a time.
    pub(crate) fn id(&self) -> Option<String> {
        self.frame.as_deref().map(job_id)
    }
}

/// Returns the id of a job with this frame.
pub fn job_id(frame: &[u8]) -> String {
    let digest = Sha256::digest(frame);
    let bytes = digest.iter().take(16);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// The lifetime of one job.
#[derive(Debug, Default)]
pub(crate) struct Lifetime {
    /// The deadline that the caller and the server have set.
    pub(crate) deadline: Option<Instant>,
    /// Set when the server that runs the job stops and its grace is over.
    pub(crate) stop: Option<Arc<Signal>>,
    over: Signal,
    is_cut: AtomicBool,
    pub(crate) origin: Origin,
}

impl Lifetime {
    pub(crate) fn new(deadline: Option<Instant>, stop: Option<Arc<Signal>>) -> Self {
        Self {
            deadline,
            stop,
            ..Self::default()
        }
    }

    /// Records how the job was delivered.
    pub(crate) fn delivered(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Marks that the caller is gone. The started job is finished.
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

    /// Returns true if a handler was given up: no further action of the job may start.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_set() || self.is_out_of_time() || self.origin.is_unheard()
    }

    /// Returns true if the deadline has passed or the server stops, even if the running handler has not noticed.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
            || self.stop.as_ref().is_some_and(|stop| stop.is_set())
    }

    /// Waits until it is over.
    pub(crate) async fn until_over(&self) {
        tokio::select! {
            () = self.over.wait() => {}
            () = self.origin.unheard() => {}
            () = limit(self.deadline, self.stop.clone()) => {}
        }
    }
}

/// Waits for the deadline, or until the server stops.
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

/// The error of a future that was given up at its limit.
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
    /// Returns a future that is given up at the end of the lifetime, or at this deadline if that is earlier.
    pub(crate) fn new(inner: F, lifetime: L, deadline: Option<Instant>) -> Self {
        Self {
            inner,
            lifetime,
            deadline,
            margin: Duration::ZERO,
            limit: None,
        }
    }

    /// Delays the limit: for a future that contains limited ones, which should end first.
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

/// A guard for a running handler of a blocking action, which is counted until this is dropped.
pub(crate) struct Blocking(Arc<AtomicUsize>);

impl Blocking {
    /// Counts a handler in `running`.
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
