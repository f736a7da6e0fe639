//! Sessions in the memory of the process.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::{SessionError, SessionStore};
use crate::BoxFuture;

/// The default of the maximum number of sessions.
const DEFAULT_CAPACITY: usize = 1000;

/// The maximum time of a session: a longer one may be beyond the range of the clock.
const MAX_EXPIRY: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Sessions in the memory of this process: up to 1000 by default. They end with the process, and other processes do not see
/// them. If there is no room for another one, the one that would expire first ends.
pub struct MemorySessions {
    capacity: usize,
    kept: Mutex<Kept>,
}

/// The sessions and the times at which they expire, by their ids.
type Kept = FxHashMap<String, (Instant, Bytes)>;

impl MemorySessions {
    /// Returns a store for up to so many sessions, at least one.
    pub fn with_capacity(sessions: usize) -> Self {
        Self {
            capacity: sessions.max(1),
            kept: Mutex::default(),
        }
    }

    /// Uses the sessions that have not expired.
    fn with<T: Send + 'static>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Kept) -> T,
    ) -> BoxFuture<Result<T, SessionError>> {
        // Nothing panics while it is locked.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if kept.get(id).is_some_and(|(end, _)| *end <= now) {
            kept.remove(id);
        }
        Box::pin(std::future::ready(Ok(change(&mut kept))))
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }
}

impl SessionStore for MemorySessions {
    fn load(&self, id: &str) -> BoxFuture<Result<Option<Bytes>, SessionError>> {
        self.with(id, |kept| Some(kept.get(id)?.1.clone()))
    }

    fn save(
        &self,
        id: &str,
        session: Bytes,
        expiry: Duration,
    ) -> BoxFuture<Result<(), SessionError>> {
        self.with(id, |kept| {
            if kept.len() >= self.capacity && !kept.contains_key(id) {
                let first = kept.iter().min_by_key(|(_, (end, _))| *end);
                let first = first.map(|(id, _)| id.clone());
                kept.remove(&first.unwrap_or_default());
            }
            let end = Instant::now() + expiry.min(MAX_EXPIRY);
            kept.insert(id.to_owned(), (end, session));
        })
    }

    fn remove(&self, id: &str) -> BoxFuture<Result<bool, SessionError>> {
        self.with(id, |kept| kept.remove(id).is_some())
    }
}

impl fmt::Debug for MemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
