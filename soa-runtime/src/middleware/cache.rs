//! A cache of responses, for actions that declare a cache time.
//!
//! ```text
//! call ─▶ is an answer to the same call kept? ─▶ it
//!         is the same call on its way?        ─▶ its answer, when it comes
//!         else                                ─▶ sent; kept if it has no errors
//! ```
//!
//! Two calls are the same if they differ in nothing that the service could see: service, action and variant, body,
//! switches, the control header without the timeout, and the whole context except for the keys of traces. So a response
//! for one caller, tenant, token or locale is never given to another. [`ResultCache::context_keys`] narrows that.
//!
//! Only jobs of one action are cached. The cache is bounded in number and in bytes; the least recently used entry goes
//! first. When a call fails, those that waited for it fail with it: a service that is in trouble is not asked again by
//! all of them at once. When its caller gives it up, or the timeout that its caller has set passes, one of them takes its
//! place. A failure is not kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::codec::{Encoding, Map, Value};
use crate::error::{ClientError, ErrorKind};
use crate::exchange::{ClientRequest, ClientStage};
use crate::message::{Body, JobRequest, JobResponse, Switch, code};
use crate::stack::{Middleware, Next};

/// The size of an entry besides its key and its body, roughly.
const ENTRY_OVERHEAD: usize = 512;

/// The keys of the context that trace a call and do not affect its response.
const TRACE_KEYS: [&str; 3] = ["correlation_id", "traceparent", "tracestate"];

/// Client middleware that caches responses of actions that declare `cache`. Clones share the cache.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Client;
/// use soa::middleware::ResultCache;
///
/// let cache = ResultCache::new().max_entries(500);
/// let client = Client::builder().middleware(cache.clone()).build()?;
/// cache.clear();
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone)]
pub struct ResultCache {
    #[doc(hidden)]
    pub max_entries: usize,
    #[doc(hidden)]
    pub max_bytes: usize,
    context_keys: Option<Arc<BTreeSet<String>>>,
    store: Arc<Mutex<Store>>,
}

impl Default for ResultCache {
    fn default() -> Self {
        Self {
            max_entries: 1000,
            max_bytes: 16 << 20,
            context_keys: None,
            store: Arc::default(),
        }
    }
}

impl ResultCache {
    /// Returns an empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum number of responses; 1,000 by default.
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// Sets the maximum size in bytes, roughly; 16 MiB by default. A response of more than a quarter of it is not
    /// cached.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Distinguishes calls by these keys of the context alone (and by switches, as always).
    ///
    /// A response is then used for other callers, too. The responses must not depend on the rest of the context, the
    /// caller included: if the service looks at a tenant, token or locale, add their keys here.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::middleware::ResultCache;
    ///
    /// let cache = ResultCache::new().max_bytes(4 << 20).context_keys(["tenant", "locale"]);
    /// ```
    #[must_use]
    pub fn context_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.context_keys = Some(Arc::new(keys.into_iter().map(Into::into).collect()));
        self
    }

    /// Clears the cache.
    pub fn clear(&self) {
        let mut store = self.store();
        store.generation = store.generation.wrapping_add(1);
        store.entries.clear();
        store.flights.clear();
        store.recent.clear();
        store.bytes = 0;
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the key of a call, and the time for which its response may be cached; `None` for calls that are not
    /// cached.
    fn key(&self, request: &ClientRequest) -> Option<(Key, Duration)> {
        let JobRequest {
            control,
            context,
            actions,
            ..
        } = &request.job;
        let [action] = actions.as_slice() else {
            return None;
        };
        let time = action.cache_time().filter(|time| !time.is_zero())?;
        if control.suppress_response == Some(true) {
            return None;
        }
        let body = action.body.bytes().ok()?;
        let mut switches: Vec<i64> = context.switches.iter().map(Switch::number).collect();
        switches.sort_unstable();
        let variant = action.variant.and_then(|variant| variant.switch);
        let of_context = |key: &str| match &self.context_keys {
            Some(keys) => keys.contains(key),
            None => !TRACE_KEYS.contains(&key),
        };
        let context = context.to_map().into_pairs().into_iter();
        let context = context.filter(|(key, _)| match key.as_str() {
            Some("switches") => false,
            Some(key) => of_context(key),
            None => self.context_keys.is_none(),
        });
        let control = control
            .extra
            .iter()
            .filter(|(key, _)| key.as_str() != Some("timeout"));
        let rest = Map::from([
            ("service", Value::from(&*request.service)),
            ("action", (&*action.action).into()),
            ("variant", variant.map(Switch::number).into()),
            ("json", (action.body.encoding() == Encoding::Json).into()),
            ("switches", switches.into_iter().collect()),
            ("context", Value::Map(sorted(context))),
            ("control", Value::Map(sorted(control.cloned()))),
        ]);
        // A value that cannot be encoded cannot be sent either.
        let mut key = Encoding::MessagePack.encode_body(&Value::Map(rest)).ok()?;
        key.extend_from_slice(body);
        Some((key.into(), time))
    }
}

/// The order of keys does not matter.
fn sorted(pairs: impl Iterator<Item = (Value, Value)>) -> Map {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by_cached_key(|(key, _)| format!("{key:?}"));
    pairs.into()
}

impl Middleware<ClientStage> for ResultCache {
    async fn call(
        &self,
        request: ClientRequest,
        next: Next<ClientStage>,
    ) -> Result<JobResponse, ClientError> {
        let Some((key, time)) = self.key(&request) else {
            return next.run(request).await;
        };
        let correlation_id = Arc::clone(&request.job.context.correlation_id);
        let answer = |response: &JobResponse| {
            let mut response = response.clone();
            response.context.correlation_id = Some(Arc::clone(&correlation_id));
            Ok(response)
        };
        loop {
            let entered = self.store().enter(&key, Instant::now());
            match entered {
                Entered::Found(response) => return answer(&response),
                Entered::First(sender, generation) => {
                    let flight = Flight {
                        cache: self,
                        key: &key,
                        generation,
                        sender,
                    };
                    let has_own_limit = request.timeout.is_some();
                    let outcome = next.run(request).await;
                    // The time limit of one caller says nothing about callers that wait longer.
                    if !has_own_limit || !is_given_up(&outcome) {
                        flight.land(&outcome, time);
                    }
                    return outcome;
                }
                Entered::Later(mut receiver) => {
                    let landed = receiver.wait_for(|news| !matches!(news, News::None)).await;
                    let news = landed.map(|news| news.clone());
                    match news {
                        Ok(News::Landed(response)) => return answer(&response),
                        Ok(News::Failed(error)) => return Err(error),
                        // The caller of the first call has given it up.
                        Ok(News::None) | Err(_) => {}
                    }
                }
            }
        }
    }
}

impl fmt::Debug for ResultCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store();
        f.debug_struct("ResultCache")
            .field("entries", &store.entries.len())
            .field("bytes", &store.bytes)
            .finish_non_exhaustive()
    }
}

type Key = Arc<[u8]>;

/// The progress of a call that others wait for.
#[derive(Clone)]
enum News {
    None,
    /// A response, which may have errors.
    Landed(Arc<JobResponse>),
    /// There was no response.
    Failed(ClientError),
}

enum Entered {
    Found(Arc<JobResponse>),
    /// The first call, with the generation that its response belongs to.
    First(watch::Sender<News>, u64),
    Later(watch::Receiver<News>),
}

/// A call on its way. When it is dropped, it is removed, and the calls that wait for it are told.
struct Flight<'a> {
    cache: &'a ResultCache,
    key: &'a Key,
    generation: u64,
    sender: watch::Sender<News>,
}

impl Flight<'_> {
    fn land(self, outcome: &Result<JobResponse, ClientError>, time: Duration) {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                self.sender.send_replace(News::Failed(error.clone()));
                return;
            }
        };
        let (response, bytes) = detached(response);
        let response = Arc::new(response);
        let bytes = bytes + 2 * self.key.len() + ENTRY_OVERHEAD;
        if !has_errors(&response)
            && let Some(until) = Instant::now().checked_add(time)
            && bytes <= self.cache.max_bytes / 4
        {
            let mut store = self.cache.store();
            // The cache was cleared meanwhile, so the response is outdated.
            if store.generation == self.generation {
                store.keep(self.key, Arc::clone(&response), until, bytes);
                store.shrink(self.cache.max_entries, self.cache.max_bytes);
            }
        }
        self.sender.send_replace(News::Landed(response));
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut store = self.cache.store();
        // Otherwise it was removed already, and may have a successor.
        if store.generation == self.generation {
            store.flights.remove(self.key);
        }
    }
}

fn has_errors(response: &JobResponse) -> bool {
    let mut actions = response.actions.iter();
    !response.errors.is_empty() || actions.any(|action| !action.errors.is_empty())
}

/// Returns true if the call has failed because its time was over.
fn is_given_up(outcome: &Result<JobResponse, ClientError>) -> bool {
    match outcome {
        Ok(response) => {
            let of_actions = response.actions.iter().flat_map(|action| &action.errors);
            let mut errors = response.errors.iter().chain(of_actions);
            errors.any(|error| [code::ACTION_TIMEOUT, code::JOB_TIMEOUT].contains(&&*error.code))
        }
        Err(error) => error.kind() == ErrorKind::Timeout,
    }
}

/// Copies the bodies of a response, as received ones are slices of a whole message. Returns their size, too.
fn detached(response: &JobResponse) -> (JobResponse, usize) {
    let mut response = response.clone();
    let mut sum = 0;
    for action in &mut response.actions {
        if let Ok(bytes) = action.body.bytes() {
            sum += bytes.len();
            let bytes = Bytes::copy_from_slice(bytes);
            action.body = Body::from_bytes(action.body.encoding(), bytes);
        }
    }
    (response, sum)
}

struct Entry {
    response: Arc<JobResponse>,
    until: Instant,
    bytes: usize,
    /// The time of the last use, as a count of all uses.
    turn: u64,
}

#[derive(Default)]
struct Store {
    entries: HashMap<Key, Entry>,
    /// The keys by their last use, the least recent first.
    recent: BTreeMap<u64, Key>,
    turn: u64,
    bytes: usize,
    flights: HashMap<Key, watch::Receiver<News>>,
    /// The number of times that the cache was cleared.
    generation: u64,
}

impl Store {
    fn enter(&mut self, key: &Key, now: Instant) -> Entered {
        if let Some(entry) = self.entries.get_mut(key) {
            if entry.until > now {
                self.turn += 1;
                let before = std::mem::replace(&mut entry.turn, self.turn);
                if let Some(key) = self.recent.remove(&before) {
                    self.recent.insert(self.turn, key);
                }
                return Entered::Found(Arc::clone(&entry.response));
            }
            self.remove(key);
        }
        if let Some(receiver) = self.flights.get(key) {
            return Entered::Later(receiver.clone());
        }
        let (sender, receiver) = watch::channel(News::None);
        self.flights.insert(Arc::clone(key), receiver);
        Entered::First(sender, self.generation)
    }

    fn keep(&mut self, key: &Key, response: Arc<JobResponse>, until: Instant, bytes: usize) {
        self.remove(key);
        self.turn += 1;
        let entry = Entry {
            response,
            until,
            bytes,
            turn: self.turn,
        };
        self.bytes += bytes;
        self.recent.insert(self.turn, Arc::clone(key));
        self.entries.insert(Arc::clone(key), entry);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.recent.remove(&entry.turn);
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }

    fn shrink(&mut self, max_entries: usize, max_bytes: usize) {
        while self.entries.len() > max_entries || self.bytes > max_bytes {
            let Some((_, key)) = self.recent.pop_first() else {
                return;
            };
            self.remove(&key);
        }
    }
}
