//! The addresses of one component, and the choice among them.
//!
//! A call reads the snapshot of the present listing, without a lock. When the listing is another one, the first call that
//! sees it makes the next snapshot.

use std::sync::{Arc, Mutex, TryLockError};

use arc_swap::ArcSwapOption;
use soa_runtime::{TransportError, TransportErrorKind};
use soa_wire::Name;
use tokio::time::{Instant, timeout_at};

use crate::channel::Channels;
use crate::directory::Followed;
use crate::error::RegistryError;
use crate::peer::{Attempt, Peer};
use crate::peers::Peers;
use crate::registry::Listing;
use crate::selector::{Choice, Selector};

/// Number of choices after which an open address is taken as it comes: others were faster each time.
const CHOICES: usize = 8;

/// The addresses of a component, and who chooses.
#[derive(Debug)]
pub(crate) struct Balancer {
    followed: Followed,
    channels: Channels,
    preferred: Option<Name>,
    selector: Arc<dyn Selector>,
    peers: ArcSwapOption<Peers>,
    renewal: Mutex<()>,
}

impl Balancer {
    pub(crate) fn new(
        followed: Followed,
        channels: Channels,
        preferred: Option<Name>,
        selector: Arc<dyn Selector>,
    ) -> Self {
        Self {
            followed,
            channels,
            preferred,
            selector,
            peers: ArcSwapOption::empty(),
            renewal: Mutex::default(),
        }
    }

    pub(crate) fn followed(&self) -> &Followed {
        &self.followed
    }

    /// Returns the snapshot of the present listing, and waits for the first one until this time.
    ///
    /// # Errors
    /// There is no listing, and the registry cannot be asked; no instance is listed, or none by a channel that can be used.
    pub(crate) async fn peers(&self, until: Option<Instant>) -> Result<Arc<Peers>, TransportError> {
        let listing = match self.followed.listing() {
            Some(listing) => listing,
            None => self.first(until).await.map_err(|error| {
                let component = self.followed.component();
                let message = format!("component `{component}` cannot be looked up: {error}");
                TransportError::new(TransportErrorKind::Unreachable, message).with_source(error)
            })?,
        };
        let peers = self.peers_of(listing);
        match peers.len() {
            0 => Err(self.nobody(&peers)),
            _ => Ok(peers),
        }
    }

    async fn first(&self, until: Option<Instant>) -> Result<Arc<Listing>, RegistryError> {
        let Some(until) = until else {
            return self.followed.first().await;
        };
        let begin = Instant::now();
        let first = timeout_at(until, self.followed.first()).await;
        first.unwrap_or_else(|_| {
            let registry = self.followed.shown_registry();
            let waited = begin.elapsed();
            let message = format!("{registry} has not answered within {waited:.1?}");
            Err(RegistryError::new(message))
        })
    }

    /// Returns the snapshot of the present listing, if there is one.
    pub(crate) fn present(&self) -> Option<Arc<Peers>> {
        Some(self.peers_of(self.followed.listing()?))
    }

    fn peers_of(&self, listing: Arc<Listing>) -> Arc<Peers> {
        let known = self.peers.load_full();
        if let Some(peers) = &known
            && peers.is_of(&listing)
        {
            return Arc::clone(peers);
        }
        // Whoever does not get the lock goes on with the snapshot before, unless there is none.
        let _renewing = match (self.renewal.try_lock(), known) {
            (Ok(renewing), _) => renewing,
            (Err(TryLockError::WouldBlock), Some(known)) => return known,
            (Err(TryLockError::WouldBlock), None) => self
                .renewal
                .lock()
                .unwrap_or_else(|error| error.into_inner()),
            (Err(TryLockError::Poisoned(error)), _) => error.into_inner(),
        };
        let before = self.peers.load_full();
        if let Some(peers) = &before
            && peers.is_of(&listing)
        {
            return Arc::clone(peers);
        }
        let component = self.followed.component();
        let preferred = self.preferred.as_deref();
        let peers = Peers::new(
            component,
            listing,
            &self.channels,
            preferred,
            before.as_deref(),
        );
        let peers = Arc::new(peers);
        self.peers.store(Some(Arc::clone(&peers)));
        peers
    }

    /// Returns the number of addresses.
    pub(crate) fn count(&self) -> usize {
        self.present().map_or(0, |peers| peers.len())
    }

    /// Begins an attempt at an address that can be called and was not tried. Returns none if there is none.
    pub(crate) fn choose(
        &self,
        peers: &Peers,
        tried: &[Arc<Peer>],
        now: Instant,
        deadline: Option<Instant>,
    ) -> Option<Attempt> {
        for group in peers.groups() {
            let choice = Choice::new(group, tried, now);
            for _ in 0..CHOICES {
                let Some(place) = self.selector.select(&choice) else {
                    break;
                };
                if choice.is_open(place)
                    && let Some(member) = group.get(place)
                    && let Some(attempt) = member.peer.enter(now, deadline)
                {
                    return Some(attempt);
                }
            }
            let mut places = 0..choice.len();
            let taken = places.find_map(|place| match choice.is_open(place) {
                true => group.get(place)?.peer.enter(now, deadline),
                false => None,
            });
            if taken.is_some() {
                return taken;
            }
        }
        None
    }

    /// Begins an attempt where no address can be called: at the one that can be called first.
    pub(crate) fn choose_anyway(
        &self,
        peers: &Peers,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Option<Attempt> {
        let members = peers.members();
        let soonest = members.min_by_key(|member| member.peer.standing(now))?;
        Some(soonest.peer.enter_anyway(deadline))
    }

    /// Returns the error of a listing in which nobody can be called.
    fn nobody(&self, peers: &Peers) -> TransportError {
        let component = self.followed.component();
        let (kind, mut message) = if peers.listing().instances.is_empty() {
            let message = format!("no instance of the component `{component}` is registered");
            (TransportErrorKind::Unreachable, message)
        } else {
            let offered = peers.offered().join(", ");
            let message = match &self.preferred {
                Some(preferred) => format!(
                    "the component `{component}` is not offered by the channel `{preferred}`, but by: {offered}"
                ),
                None => {
                    let known: Vec<&str> = self.channels.names().collect();
                    let known = known.join(", ");
                    format!(
                        "the component `{component}` is offered by no channel that is known here; it is offered by: {offered}; \
                         known are: {known}"
                    )
                }
            };
            (TransportErrorKind::Misconfigured, message)
        };
        if let Some(trouble) = self.followed.trouble() {
            message.push_str("; the list may be old: ");
            message.push_str(&trouble);
        }
        TransportError::new(kind, message)
    }
}
