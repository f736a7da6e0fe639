//! The choice of an address.
//!
//! A [`Selector`] is asked for each call. It sees the addresses that the listing has, with the calls that are under way, and
//! names one that [can be called](Choice::is_open). Addresses that have failed are no part of the choice, and neither are
//! those that this call has tried already.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use crate::address::Address;
use crate::peer::Peer;
use crate::peers::Group;
use crate::random;

/// Number of draws for one place. If all of them are closed, the places are looked at in order.
const DRAWS: usize = 8;

/// Chooses the address of a call. Each transport to a component has a selector of its own.
///
/// ```
/// use soa_registry::{Choice, Selector};
///
/// /// Calls the last address of the list that can be called.
/// #[derive(Debug)]
/// struct Last;
///
/// impl Selector for Last {
///     fn select(&self, choice: &Choice<'_>) -> Option<usize> {
///         (0..choice.len()).rev().find(|place| choice.is_open(*place))
///     }
/// }
/// ```
pub trait Selector: fmt::Debug + Send + Sync + 'static {
    /// Returns the place of the address to call; none if no address is open.
    ///
    /// This runs in the task of the call, so it should take no lock, and not look at all addresses.
    fn select(&self, choice: &Choice<'_>) -> Option<usize>;
}

/// The addresses that a selector chooses from, by their places from 0.
#[derive(Debug)]
pub struct Choice<'a> {
    group: &'a Group,
    tried: &'a [Arc<Peer>],
    now: Instant,
}

impl<'a> Choice<'a> {
    pub(crate) fn new(group: &'a Group, tried: &'a [Arc<Peer>], now: Instant) -> Self {
        Self { group, tried, now }
    }

    /// Returns the number of addresses.
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// Returns true if there is no address.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns true if the address can be called: it has not failed, and this call has not tried it.
    pub fn is_open(&self, place: usize) -> bool {
        self.group.get(place).is_some_and(|member| {
            let peer = &member.peer;
            peer.standing(self.now).is_callable()
                && !self.tried.iter().any(|tried| Arc::ptr_eq(tried, peer))
        })
    }

    /// Returns the address.
    pub fn address(&self, place: usize) -> Option<&'a Address> {
        Some(self.group.get(place)?.peer.address())
    }

    /// Returns the identity of the instance.
    pub fn instance(&self, place: usize) -> Option<&'a str> {
        Some(self.group.get(place)?.peer.instance())
    }

    /// Returns the weight of the instance; 0 for a place that does not exist.
    pub fn weight(&self, place: usize) -> u32 {
        self.group.get(place).map_or(0, |member| member.weight)
    }

    /// Returns the number of calls of this process that the address has not answered yet.
    pub fn outstanding(&self, place: usize) -> usize {
        let member = self.group.get(place);
        member.map_or(0, |member| member.peer.outstanding())
    }

    /// Returns a random place, each as often as its weight says; 0 if there is none.
    pub fn draw(&self) -> usize {
        self.group.draw()
    }

    /// Returns the place whose turn it is, in a round in which each has as many turns as its weight says; 0 if there is none.
    pub fn turn(&self, count: usize) -> usize {
        self.group.turn(count)
    }

    /// Returns the first open place from this one on, around the end.
    fn open_from(&self, start: usize) -> Option<usize> {
        let mut places = (start..self.len()).chain(0..start.min(self.len()));
        places.find(|place| self.is_open(*place))
    }

    /// Draws an open place other than this one.
    fn draw_open(&self, except: Option<usize>) -> Option<usize> {
        for _ in 0..DRAWS {
            let place = self.draw();
            if Some(place) != except && self.is_open(place) {
                return Some(place);
            }
        }
        None
    }
}

/// Chooses the first address of the list that can be called. The others stand by.
#[derive(Clone, Copy, Debug, Default)]
pub struct First;

impl Selector for First {
    fn select(&self, choice: &Choice<'_>) -> Option<usize> {
        choice.open_from(0)
    }
}

/// Chooses one address after the other, each as often as its weight says.
#[derive(Debug)]
pub struct RoundRobin {
    count: AtomicUsize,
}

impl RoundRobin {
    /// Returns a selector that begins somewhere, so that not all processes begin with the same address.
    pub fn new() -> Self {
        Self {
            count: AtomicUsize::new(random::below(1 << 20)),
        }
    }
}

impl Default for RoundRobin {
    fn default() -> Self {
        Self::new()
    }
}

impl Selector for RoundRobin {
    fn select(&self, choice: &Choice<'_>) -> Option<usize> {
        let turn = || choice.turn(self.count.fetch_add(1, Ordering::Relaxed));
        let first = turn();
        if choice.is_open(first) {
            return Some(first);
        }
        // The next turns, and not the next place: one neighbour would get all that a closed address does not.
        let mut further = (1..DRAWS).map(|_| turn());
        further
            .find(|place| choice.is_open(*place))
            .or_else(|| choice.open_from(first))
    }
}

/// Draws two addresses by their weights, and chooses the one with fewer calls under way. The default.
///
/// An address that is slow gets fewer calls, and no two callers flock to the same one.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastOutstanding;

impl Selector for LeastOutstanding {
    fn select(&self, choice: &Choice<'_>) -> Option<usize> {
        let Some(one) = choice.draw_open(None) else {
            return choice.open_from(random::below(choice.len()));
        };
        // With few addresses, or few that are open, all draws may be of the same one.
        let other = choice.draw_open(Some(one));
        let other = other.or_else(|| choice.open_from(one + 1)).unwrap_or(one);
        // The calls under way for each part of the weight, multiplied by both weights.
        let load =
            |place, other| (choice.outstanding(place) as u128) * u128::from(choice.weight(other));
        match load(other, one) < load(one, other) {
            true => Some(other),
            false => Some(one),
        }
    }
}

#[cfg(test)]
mod tests;
