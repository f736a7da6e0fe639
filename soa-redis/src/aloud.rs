//! The log of a thread that keeps quiet.
//!
//! The thread that gives signs of life has connections of its own, to the same masters as all others. What goes wrong with
//! these is told once already, so it tells only what it has found out about processes and jobs.

use std::cell::RefCell;

use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::{DefaultGuard, NoSubscriber};

thread_local! {
    static LOUD: RefCell<Option<Dispatch>> = const { RefCell::new(None) };
}

/// Silences the log of this thread until the guard is dropped, except for what is told by [`aloud`], which goes to the log of
/// whoever has started it.
pub(super) fn keep_quiet(log: Dispatch) -> DefaultGuard {
    LOUD.set(Some(log));
    tracing::subscriber::set_default(NoSubscriber::default())
}

/// Runs a function whose log is told, also where this thread keeps quiet.
pub(super) fn aloud<T>(tell: impl FnOnce() -> T) -> T {
    match LOUD.with_borrow(Clone::clone) {
        Some(log) => dispatcher::with_default(&log, tell),
        None => tell(),
    }
}
