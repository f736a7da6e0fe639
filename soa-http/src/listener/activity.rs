//! The state of a connection, and the times at which it has waited for too long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::settings::HttpSettings;

/// The time in which a connection is closed once nothing is left to do on it: for what was written to arrive, and for the
/// peer to notice.
pub(super) const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The times that a connection may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
}

impl Limits {
    pub(super) fn of(settings: &HttpSettings) -> Self {
        Self {
            header: settings.header_timeout.get(),
            idle: settings.idle_timeout.get(),
            write: settings.write_timeout.get(),
        }
    }
}

/// The state of a connection. It is told by its stream and by its requests.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    /// True if the head of a request did not come in time.
    is_late: AtomicBool,
    /// True if the deadline may be earlier than it was when it was last asked for.
    is_hurried: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// The number of requests that are not answered yet.
    open: usize,
    /// The time at which an answer was last written, or the connection was opened.
    idle_since: Instant,
    /// The time of the first byte of a head that is not complete, or of the answer to the request before it.
    unread_since: Option<Instant>,
    /// The number of heads that are complete.
    heads: u64,
    /// The number of requests that have begun.
    begun: u64,
    /// The time since which the peer has taken nothing of what is to be written.
    stalled_since: Option<Instant>,
    closing_since: Option<Instant>,
    is_http2: bool,
    /// True if no more requests are taken.
    is_stopping: bool,
}

/// A reason why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// The head of a request is not complete.
    Header,
    /// There is no request.
    Idle,
    /// The peer does not read, or does not go.
    Stalled,
}

impl Activity {
    pub(super) fn new() -> Self {
        let state = State {
            open: 0,
            idle_since: Instant::now(),
            unread_since: None,
            heads: 0,
            begun: 0,
            stalled_since: None,
            closing_since: None,
            is_http2: false,
            is_stopping: false,
        };
        Self {
            state: Mutex::new(state),
            is_late: AtomicBool::new(false),
            is_hurried: AtomicBool::new(true),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes, under the lock, that something has a limit that it did not have.
    fn hurries(&self) {
        self.is_hurried.store(true, Ordering::Release);
    }

    /// Notes that bytes came: the number of heads that are complete, and whether there is one more that is not.
    pub(super) fn has_read(&self, heads: u64, is_in_head: bool) {
        let mut state = self.state();
        if heads != state.heads {
            state.heads = heads;
            state.unread_since = None;
        }
        if is_in_head && state.unread_since.is_none() {
            state.unread_since = Some(Instant::now());
            self.hurries();
        }
    }

    /// Notes that the connection speaks HTTP/2, whose frames are not the head of a request.
    pub(super) fn is_http2(&self) {
        self.state().is_http2 = true;
    }

    /// Returns true if there was a request of HTTP/2.
    pub(super) fn has_request_of_http2(&self) -> bool {
        let state = self.state();
        state.is_http2 && state.begun > 0
    }

    /// Notes that what is written has to be waited for.
    pub(super) fn stalls(&self) {
        let mut state = self.state();
        if state.stalled_since.is_none() {
            state.stalled_since = Some(Instant::now());
            self.hurries();
        }
    }

    /// Notes that the peer takes what is written: of an answer, or something else that keeps the connection.
    pub(super) fn writes(&self, is_answer: bool) {
        let mut state = self.state();
        state.stalled_since = None;
        if !is_answer {
            return;
        }
        // A connection that still writes an answer is not idle.
        let now = Instant::now();
        state.idle_since = now;
        if state.closing_since.is_some() {
            state.closing_since = Some(now);
        }
    }

    /// Notes that no more requests are taken.
    pub(super) fn stops(&self) {
        let mut state = self.state();
        state.is_stopping = true;
        if state.open == 0 {
            state.closing_since.get_or_insert_with(Instant::now);
        }
        self.hurries();
    }

    /// Notes that the connection is being closed by this side.
    pub(super) fn closes(&self) {
        let mut state = self.state();
        state.closing_since.get_or_insert_with(Instant::now);
        self.hurries();
    }

    /// Notes that the head of a request did not come in time: the stream answers that, and ends.
    pub(super) fn has_late_head(&self) {
        let mut state = self.state();
        self.is_late.store(true, Ordering::Release);
        state.closing_since.get_or_insert_with(Instant::now);
        self.hurries();
    }

    pub(super) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Acquire)
    }

    /// Returns true if the deadline may have become earlier since this was last called.
    pub(super) fn takes_hurry(&self) -> bool {
        // Without a change, which is the rule, this is a read alone.
        self.is_hurried.load(Ordering::Acquire) && self.is_hurried.swap(false, Ordering::AcqRel)
    }

    /// Notes that the head of a request is complete.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.open += 1;
        state.begun += 1;
        if state.begun > state.heads {
            // The head looked as if it were not complete.
            state.unread_since = None;
        }
        if state.is_stopping {
            // It came before the peer could know.
            state.closing_since = None;
        }
    }

    /// Notes that a request was answered.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.open -= 1;
        state.idle_since = Instant::now();
        if state.unread_since.is_some() {
            // The rest of the next head may not have been read for this request.
            state.unread_since = Some(state.idle_since);
            self.hurries();
        }
        if state.is_stopping && state.open == 0 {
            state.closing_since = Some(state.idle_since);
            self.hurries();
        }
    }

    /// Returns true if there is something that the peer has not taken.
    pub(super) fn has_unsent(&self) -> bool {
        let state = self.state();
        state.stalled_since.is_some() || state.open > 0
    }

    /// Returns the time at which the connection will have waited for too long, and for what. While a request runs, it is the
    /// time of the next look.
    pub(super) fn deadline(&self, limits: &Limits) -> (Instant, Option<Late>) {
        let state = self.state();
        let stall = match state.is_stopping {
            true => limits.write.min(CLOSING_TIME),
            false => limits.write,
        };
        let stalled = state.stalled_since.map(|since| since + stall);
        let closing = state.closing_since.map(|since| since + CLOSING_TIME);
        let forced = match (stalled, closing) {
            (Some(stalled), Some(closing)) => Some(stalled.min(closing)),
            (stalled, closing) => stalled.or(closing),
        };
        let waiting = match (state.open, state.unread_since) {
            // It has waited already.
            _ if closing.is_some() => None,
            (0, Some(since)) if !state.is_http2 => Some((since + limits.header, Late::Header)),
            (0, _) => Some((state.idle_since + limits.idle, Late::Idle)),
            _ => None,
        };
        match (forced, waiting) {
            (Some(forced), Some((at, _))) if forced <= at => (forced, Some(Late::Stalled)),
            (_, Some((at, late))) => (at, Some(late)),
            (Some(forced), None) => (forced, Some(Late::Stalled)),
            (None, None) => (Instant::now() + limits.idle, None),
        }
    }
}
