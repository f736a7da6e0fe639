//! The addresses of a component that can be called, as one listing has them: a snapshot that choices are made from.
//!
//! All that a choice needs is computed when a listing arrives: draws by weight, and turns by weight. A choice costs the same
//! for ten addresses and for a thousand.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use soa_wire::Name;

use crate::address::Address;
use crate::channel::{Carries, Channels};
use crate::instance::Instance;
use crate::peer::Peer;
use crate::random;
use crate::registry::Listing;

/// Largest number of turns of an address in a round. Greater weights are scaled down to it.
const MOST_TURNS: u32 = 100;

/// The addresses of a listing.
#[derive(Debug)]
pub(crate) struct Peers {
    listing: Arc<Listing>,
    usual: Group,
    spare: Group,
    /// Those that act on contexts, if not all do.
    with_context: Option<Arc<Peers>>,
}

/// Addresses of which one is chosen by weight.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: Box<[Member]>,
    draws: Draws,
    /// The order of turns, as places of members. Empty if all weights are equal: then it is that of the members.
    turns: Box<[u32]>,
}

/// An address in a group.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) peer: Arc<Peer>,
    pub(crate) weight: u32,
    /// True if the instance is known to act on contexts.
    carries_context: bool,
}

/// Random places by weight.
#[derive(Debug, Default)]
enum Draws {
    /// All weights are equal.
    #[default]
    Even,
    /// For each place, the share of draws that stay there, and the place to which the others go (the alias method of Walker).
    Weighted(Box<[(f64, usize)]>),
}

impl Peers {
    /// Makes the snapshot of a listing. What was known of addresses that are still there is kept.
    pub(crate) fn new(
        component: &Name,
        listing: Arc<Listing>,
        channels: &Channels,
        preferred: Option<&str>,
        before: Option<&Self>,
    ) -> Self {
        let mut known = HashMap::new();
        let members = before.into_iter().flat_map(Self::members);
        known.extend(members.map(|Member { peer, .. }| ((peer.instance(), peer.address()), peer)));
        let (mut usual, mut spare) = (Vec::new(), Vec::new());
        for instance in &listing.instances {
            let Some(name) = channel_of(instance, channels, preferred) else {
                continue;
            };
            let Some(channel) = channels.get(name) else {
                continue;
            };
            let carries_context = channel.carries() == Carries::All || offers_jobs(instance);
            for address in of_channel(&instance.addresses, name) {
                let peer = match known.get(&(&instance.id, address)) {
                    Some(peer) => Arc::clone(peer),
                    None => Arc::new(Peer::new(
                        component.clone(),
                        instance.id.clone(),
                        address.clone(),
                        Arc::clone(channel),
                    )),
                };
                let (group, weight) = match instance.weight {
                    0 => (&mut spare, 1),
                    weight => (&mut usual, weight),
                };
                group.push(Member {
                    peer,
                    weight,
                    carries_context,
                });
            }
        }
        let all = |group: &[Member]| group.iter().all(|member| member.carries_context);
        let with_context = (!all(&usual) || !all(&spare)).then(|| {
            let carrying = |group: &[Member]| {
                let members = group.iter().filter(|member| member.carries_context);
                Group::new(members.cloned().collect())
            };
            Arc::new(Self {
                usual: carrying(&usual),
                spare: carrying(&spare),
                with_context: None,
                listing: Arc::clone(&listing),
            })
        });
        Self {
            usual: Group::new(usual),
            spare: Group::new(spare),
            with_context,
            listing,
        }
    }

    /// Returns the addresses that act on contexts.
    pub(crate) fn with_context(self: Arc<Self>) -> Arc<Self> {
        match &self.with_context {
            Some(carrying) => Arc::clone(carrying),
            None => self,
        }
    }

    pub(crate) fn is_of(&self, listing: &Arc<Listing>) -> bool {
        Arc::ptr_eq(&self.listing, listing)
    }

    pub(crate) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Returns the addresses with a weight, and those without: these are called if none of the others can be.
    pub(crate) fn groups(&self) -> [&Group; 2] {
        [&self.usual, &self.spare]
    }

    /// Returns all addresses.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.usual.members.iter().chain(&*self.spare.members)
    }

    pub(crate) fn len(&self) -> usize {
        self.usual.len() + self.spare.len()
    }

    /// Returns the channels by which instances offer the component, sorted, none twice.
    pub(crate) fn offered(&self) -> Vec<&str> {
        let instances = self.listing.instances.iter();
        let addresses = instances.flat_map(|instance| &instance.addresses);
        let names: BTreeSet<&str> = addresses.map(Address::channel).collect();
        names.into_iter().collect()
    }
}

/// Returns the channel by which an instance is called: the preferred one, or else, of those that are known here, the first of
/// its own order that carries most.
fn channel_of<'a>(
    instance: &'a Instance,
    channels: &Channels,
    preferred: Option<&'a str>,
) -> Option<&'a str> {
    if preferred.is_some() {
        return preferred;
    }
    let names = instance.addresses.iter().map(Address::channel);
    let known = names.filter_map(|name| Some((name, channels.get(name)?.carries())));
    let best = known.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(name, _)| name)
}

/// True if an instance takes whole jobs, as those of this framework do.
fn offers_jobs(instance: &Instance) -> bool {
    let call = soa_runtime::Channel::Call.name();
    instance
        .addresses
        .iter()
        .any(|address| address.channel() == call)
}

fn of_channel<'a>(addresses: &'a [Address], channel: &'a str) -> impl Iterator<Item = &'a Address> {
    addresses
        .iter()
        .filter(move |address| address.channel() == channel)
}

impl Group {
    fn new(members: Vec<Member>) -> Self {
        let weights: Vec<u32> = members.iter().map(|member| member.weight).collect();
        let is_even = weights.windows(2).all(|pair| pair.first() == pair.last());
        let (draws, turns) = match is_even {
            true => (Draws::Even, Box::default()),
            false => (Draws::weighted(&weights), turns(&weights)),
        };
        Self {
            members: members.into(),
            draws,
            turns,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Member> {
        self.members.get(place)
    }

    /// Returns a random place by weight; 0 if there is none.
    pub(crate) fn draw(&self) -> usize {
        let place = random::below(self.len());
        match &self.draws {
            Draws::Even => place,
            Draws::Weighted(places) => match places.get(place) {
                Some((share, other)) if random::fraction() >= *share => *other,
                _ => place,
            },
        }
    }

    /// Returns the place whose turn it is, of a counter that only rises; 0 if there is none.
    pub(crate) fn turn(&self, count: usize) -> usize {
        if self.turns.is_empty() {
            return count.checked_rem(self.len()).unwrap_or(0);
        }
        let turn = self.turns.get(count % self.turns.len());
        turn.map_or(0, |place| *place as usize)
    }
}

impl Draws {
    fn weighted(weights: &[u32]) -> Self {
        let sum: f64 = weights.iter().copied().map(f64::from).sum();
        let count = weights.len() as f64;
        let mut places: Vec<(f64, usize)> = weights
            .iter()
            .enumerate()
            .map(|(place, weight)| (f64::from(*weight) * count / sum, place))
            .collect();
        let is_small = |place: &usize| places.get(*place).is_some_and(|(share, _)| *share < 1.0);
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(is_small);
        // Each place that has less than an even share takes what it lacks from one that has more.
        while let (Some(poor), Some(rich)) = (small.pop(), large.pop()) {
            let Some(lack) = places.get_mut(poor).map(|place| {
                place.1 = rich;
                1.0 - place.0
            }) else {
                continue;
            };
            let Some((share, _)) = places.get_mut(rich) else {
                continue;
            };
            *share -= lack;
            match *share < 1.0 {
                true => small.push(rich),
                false => large.push(rich),
            }
        }
        // What is left is a whole share but for rounding, and stays where it is: the other place is its own.
        Self::Weighted(places.into())
    }
}

/// Returns a round of turns, in which each place has as many as its weight, spread evenly.
fn turns(weights: &[u32]) -> Box<[u32]> {
    let greatest = weights.iter().copied().max().unwrap_or(1).max(1);
    let mut turns = Vec::new();
    for (place, weight) in (0_u32..).zip(weights) {
        let scaled = match greatest <= MOST_TURNS {
            true => *weight,
            false => {
                let scaled = u64::from(*weight) * u64::from(MOST_TURNS) / u64::from(greatest);
                u32::try_from(scaled).unwrap_or(MOST_TURNS).max(1)
            }
        };
        for turn in 0..scaled {
            turns.push(((f64::from(turn) + 0.5) / f64::from(scaled), place));
        }
    }
    turns.sort_by(|one, other| one.0.total_cmp(&other.0));
    turns.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
pub(crate) mod tests;
