//! The directory: the list of each component that is called, kept up to date in the background.
//!
//! One task a component watches the registry, and leaves each list where calls read it without a lock. Calls never wait for
//! a registry, but for the first list. What a registry does wrong stays here:
//!
//! * One that cannot be asked costs nobody a call: the last known list goes on, and the registry is asked again after pauses
//!   that grow.
//! * One that has lost its memory says that there is no instance. Such an empty list does not replace one whose addresses
//!   still answer, for a minute: time for the servers to make themselves known again.
//! * Versions that go backwards, doubles and instances without addresses are not passed on.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use soa_runtime::observe::names;
use soa_wire::Name;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::RegistryError;
use crate::pause::{Pauses, Rests};
use crate::registry::{Listing, Registry, Version};
use crate::trouble::Trouble;

/// Time for which an empty list does not replace one whose addresses answer.
const EMPTY_GRACE: Duration = Duration::from_secs(60);

/// The components that this process calls, as a registry lists them. Clones share everything.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use soa_registry::{Directory, FixedRegistry};
///
/// let registry = FixedRegistry::new().with("shop", ["dispatch-json(http://10.0.0.1:8000)"])?;
/// let directory = Directory::new(Arc::new(registry));
/// let shop = directory.follow("shop");
/// let listing = shop.first().await?;
/// assert_eq!(listing.instances[0].addresses[0].url(), "http://10.0.0.1:8000");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Directory {
    registry: Arc<dyn Registry>,
    followed: Arc<Mutex<HashMap<Name, Weak<Holders>>>>,
}

/// A component, and the list of its instances. Clones share the list, and the task that keeps it. The task ends with the
/// last of them.
#[derive(Clone)]
pub struct Followed(Arc<Holders>);

/// Everybody who holds a component.
struct Holders {
    follower: Arc<Follower>,
    task: Mutex<Option<AbortHandle>>,
}

/// The list of a component, and what is known about its age.
struct Follower {
    registry: Arc<dyn Registry>,
    component: Name,
    listing: ArcSwapOption<Listing>,
    /// Why the registry could not be asked, changed after each question.
    trouble: watch::Sender<Option<Trouble>>,
    /// The time since when the registry has listed nobody, while the list before goes on.
    empty_since: Mutex<Option<Instant>>,
    /// True while a task watches the registry.
    is_watched: AtomicBool,
    begin: Instant,
    /// Milliseconds from the beginning to the last answer of an address, plus one; 0 before the first.
    last_answer: AtomicU64,
}

impl Directory {
    /// Returns the directory of a registry. Nothing is asked yet.
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        Self {
            registry,
            followed: Arc::default(),
        }
    }

    /// Follows a component: its list is kept up to date as long as somebody holds what is returned. The task that does it
    /// runs in the caller's runtime of tokio, and is started anew by a later caller where that runtime has ended.
    pub fn follow(&self, component: &str) -> Followed {
        let followed = self.followed.lock();
        let mut followed = followed.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = followed.get(component).and_then(Weak::upgrade) {
            let known = Followed(known);
            known.ensure_watched();
            return known;
        }
        followed.retain(|_, holders| holders.strong_count() > 0);
        let component: Name = component.to_owned().into();
        let follower = Arc::new(Follower::new(Arc::clone(&self.registry), component.clone()));
        let new = Followed(Arc::new(Holders {
            follower,
            task: Mutex::default(),
        }));
        followed.insert(component, Arc::downgrade(&new.0));
        drop(followed);
        new.ensure_watched();
        new
    }

    /// Returns the registry.
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    /// Returns the components whose lists may be old, each with the reason, by their names.
    pub fn troubles(&self) -> Vec<(Name, String)> {
        let followed = self.followed.lock();
        let followed = followed.unwrap_or_else(PoisonError::into_inner);
        let troubles = followed.iter().filter_map(|(component, holders)| {
            let trouble = holders.upgrade()?.follower.trouble()?;
            Some((component.clone(), trouble))
        });
        let mut troubles: Vec<_> = troubles.collect();
        troubles.sort();
        troubles
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Directory").field(&self.registry).finish()
    }
}

impl Followed {
    /// Returns the name of the component.
    pub fn component(&self) -> &Name {
        &self.0.follower.component
    }

    /// Returns the address of the registry, without secrets.
    pub(crate) fn shown_registry(&self) -> String {
        self.0.follower.registry.shown_address()
    }

    /// Returns the current list, without a lock; none before the first answer of the registry. As long as the instances are
    /// the same, so is the `Arc`.
    pub fn listing(&self) -> Option<Arc<Listing>> {
        self.ensure_watched();
        self.0.follower.listing.load_full()
    }

    /// Returns the current list, and waits for the first answer of the registry if there is none yet.
    ///
    /// # Errors
    /// There is no list, and the registry could not be asked for it.
    pub async fn first(&self) -> Result<Arc<Listing>, RegistryError> {
        let mut trouble = self.0.follower.trouble.subscribe();
        loop {
            if let Some(listing) = self.listing() {
                return Ok(listing);
            }
            let known = trouble.borrow_and_update().clone();
            if let Some(known) = known {
                return Err(RegistryError::new(known.text));
            }
            // The sender lives as long as `self`.
            let _ = trouble.changed().await;
        }
    }

    /// Notes that an address of the list has answered just now. That is what an empty list is weighed against.
    pub fn note_answer(&self) {
        self.0.follower.note_answer();
    }

    /// Returns the reason why the list may be old; none if the registry answers.
    pub fn trouble(&self) -> Option<String> {
        self.0.follower.trouble()
    }

    /// Starts the task that watches, if none runs, and if the caller has a runtime for it.
    fn ensure_watched(&self) {
        let follower = &self.0.follower;
        if follower.is_watched.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if follower.is_watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let watching = Watching(Arc::clone(follower));
        let task = runtime.spawn(async move { watching.run().await });
        let mut place = self.0.task.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(task.abort_handle());
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let follower = &self.0.follower;
        f.debug_struct("Followed")
            .field("component", &follower.component)
            .field("listing", &follower.listing.load())
            .field("trouble", &follower.trouble())
            .finish()
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl Follower {
    fn new(registry: Arc<dyn Registry>, component: Name) -> Self {
        Self {
            registry,
            component,
            listing: ArcSwapOption::empty(),
            trouble: watch::Sender::new(None),
            empty_since: Mutex::default(),
            is_watched: AtomicBool::new(false),
            begin: Instant::now(),
            last_answer: AtomicU64::new(0),
        }
    }

    fn note_answer(&self) {
        let millis = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_answer
            .store(millis.saturating_add(1), Ordering::Relaxed);
    }

    /// Returns the time of the last answer of an address.
    fn last_answer(&self) -> Option<Instant> {
        let millis = self.last_answer.load(Ordering::Relaxed).checked_sub(1)?;
        self.begin.checked_add(Duration::from_millis(millis))
    }

    fn trouble(&self) -> Option<String> {
        if let Some(trouble) = &*self.trouble.borrow() {
            return Some(trouble.to_string());
        }
        let seconds = self.empty_since()?.elapsed().as_secs();
        let registry = self.registry.shown_address();
        let text = "lists no instance, but the known ones answer and are called";
        Some(format!("the registry {registry} {text} (for {seconds} s)"))
    }

    fn empty_since(&self) -> Option<Instant> {
        let since = self.empty_since.lock();
        *since.unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the time since when the registry has listed nobody, and returns the one before.
    fn set_empty_since(&self, new: Option<Instant>) -> Option<Instant> {
        let since = self.empty_since.lock();
        std::mem::replace(&mut since.unwrap_or_else(PoisonError::into_inner), new)
    }

    /// Returns the time at which an empty list takes the place of the current one. It has passed if no address has answered
    /// for a while.
    fn end_of_grace(&self, empty_since: Instant) -> Instant {
        match self.last_answer() {
            Some(answer) => answer.min(empty_since) + EMPTY_GRACE,
            None => empty_since,
        }
    }

    /// Makes a list the current one. The instances are those of the list before, as far as they are equal.
    fn publish(&self, listing: Listing) {
        let before = self.listing.load();
        if before
            .as_ref()
            .is_some_and(|before| before.instances == listing.instances)
        {
            return;
        }
        let count = u32::try_from(listing.instances.len()).unwrap_or(u32::MAX);
        names::CLIENT_REGISTRY_INSTANCES
            .gauge([&self.component])
            .set(f64::from(count));
        self.listing.store(Some(Arc::new(listing)));
    }

    fn is_empty(&self) -> bool {
        let listing = self.listing.load();
        listing
            .as_ref()
            .is_none_or(|known| known.instances.is_empty())
    }

    fn failed(&self, error: &RegistryError) {
        let (component, registry) = (&self.component, self.registry.shown_address());
        let text = format!("the registry {registry} cannot be asked: {}", error.told());
        names::CLIENT_REGISTRY_ERROR
            .counter([component])
            .increment(1);
        let before = self.trouble.borrow().clone();
        if before.is_none() {
            names::CLIENT_REGISTRY_TROUBLE
                .gauge([component])
                .increment(1.0);
            let goes_on = match self.listing.load().as_ref() {
                Some(_) => "the last known instances are called",
                None => "no instance is known yet",
            };
            tracing::warn!("component `{component}`: {text}; {goes_on}");
        } else {
            tracing::debug!("component `{component}`: {text}");
        }
        let trouble = Trouble::new(before.as_ref(), text);
        self.trouble.send_replace(Some(trouble));
    }

    fn answered(&self) {
        if let Some(away) = self.end_of_trouble() {
            let (component, registry) = (&self.component, self.registry.shown_address());
            let seconds = away.as_secs();
            tracing::info!(
                "component `{component}`: the registry {registry} answers again, after {seconds} s"
            );
        }
    }

    /// Forgets the trouble, and returns how long it was.
    fn end_of_trouble(&self) -> Option<Duration> {
        let trouble = self.trouble.send_replace(None)?;
        let meter = names::CLIENT_REGISTRY_TROUBLE.gauge([&self.component]);
        meter.decrement(1.0);
        Some(trouble.since.elapsed())
    }
}

/// The task that watches.
struct Watching(Arc<Follower>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.is_watched.store(false, Ordering::Release);
        // This wakes whoever waits for the first list, to start the task anew in another runtime.
        self.0.end_of_trouble();
    }
}

impl Watching {
    async fn run(&self) {
        let follower = &*self.0;
        let mut since: Option<Version> = None;
        let (mut pauses, mut rests) = (Pauses::default(), Rests::default());
        loop {
            let asked = Instant::now();
            let mut answer = match since {
                None => follower.registry.look_up(&follower.component),
                Some(version) => follower.registry.watch(&follower.component, version),
            };
            let answer = loop {
                let Some(begin) = follower.empty_since() else {
                    break answer.await;
                };
                let end = follower.end_of_grace(begin);
                if let Ok(answer) = timeout_at(end, &mut answer).await {
                    break answer;
                }
                // Addresses may have answered in the meantime.
                if Instant::now() >= follower.end_of_grace(begin) {
                    follower.set_empty_since(None);
                    self.publish_empty(since.unwrap_or_default());
                }
            };
            let took = asked.elapsed();
            match answer {
                Ok(listing) => {
                    pauses.reset();
                    // A registry whose versions go backwards has begun anew. Its next version may be any.
                    let is_known = since.is_none_or(|version| listing.version >= version);
                    since = is_known.then_some(listing.version);
                    self.take(without_doubles(listing));
                    follower.answered();
                    sleep(rests.after(took)).await;
                }
                Err(error) => {
                    // A registry that was away may have begun anew.
                    since = None;
                    follower.failed(&error);
                    sleep(pauses.next()).await;
                }
            }
        }
    }

    /// Takes a list of the registry.
    fn take(&self, listing: Listing) {
        let (follower, component) = (&*self.0, &self.0.component);
        if !listing.instances.is_empty() {
            if follower.set_empty_since(None).is_some() {
                tracing::info!("component `{component}`: the registry lists instances again");
            } else if follower.listing.load().is_some() && follower.is_empty() {
                let count = listing.instances.len();
                tracing::info!("component `{component}` has {count} instances");
            }
            follower.publish(listing);
        } else if follower.is_empty() {
            follower.publish(listing);
        } else if follower.empty_since().is_none() {
            let now = Instant::now();
            if now < follower.end_of_grace(now) {
                let grace = EMPTY_GRACE.as_secs();
                tracing::warn!(
                    "component `{component}`: the registry lists no instance, but the known ones answer; they are called for \
                     at most {grace} s more"
                );
                follower.set_empty_since(Some(now));
            } else {
                self.publish_empty(listing.version);
            }
        }
    }

    fn publish_empty(&self, version: Version) {
        let component = &self.0.component;
        tracing::warn!("component `{component}`: the registry lists no instance");
        self.0.publish(Listing {
            instances: Vec::new(),
            version,
        });
    }
}

/// Sorts instances by their identities, and leaves doubles out: of identities, and of addresses. An instance without an
/// address cannot be called, and is left out, too.
fn without_doubles(mut listing: Listing) -> Listing {
    let instances = &mut listing.instances;
    instances.sort_by(|one, other| one.id.cmp(&other.id));
    instances.dedup_by(|one, other| one.id == other.id);
    let mut known = HashSet::new();
    for instance in &mut *instances {
        let addresses = &mut instance.addresses;
        addresses.retain(|address| known.insert(address.clone()));
    }
    instances.retain(|instance| !instance.addresses.is_empty());
    listing
}
