//! Switches: integers that a caller turns on to ask for a feature or a version of an action.
//!
//! Switches apply to a whole job. They are part of the context, so they reach every service down the chain. A
//! [`SwitchSet`] is tested far more often than it is built. Up to three switches are stored inline and cloned without an
//! allocation, larger sets are shared.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// The number of a feature switch, as a named constant.
///
/// ```
/// # use soa_wire as soa;
/// use soa::Switch;
///
/// /// Answer with the second version of a user.
/// pub const USER_V2: Switch = Switch::new(5);
/// assert_eq!(USER_V2.number(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Switch(i64);

impl Switch {
    /// Creates a switch with this number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number, as it is in messages.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl From<i64> for Switch {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of switches that a set stores inline.
const INLINE_SIZE: usize = 3;

/// The size from which a set is tested by hashing, so that a hostile caller cannot cause quadratic work.
const MIN_HASHED_SIZE: usize = 32;

/// The switches of a job: each at most once, in the order in which they arrived.
///
/// Sets with the same switches are equal, whatever the order.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{Switch, SwitchSet};
///
/// const USER_V2: Switch = Switch::new(5);
///
/// let switches = SwitchSet::new().with(USER_V2).with(8);
/// assert!(switches.is_active(USER_V2));
/// assert_eq!(switches, [8, 5].into_iter().collect());
/// ```
#[derive(Clone)]
pub struct SwitchSet(Repr);

#[derive(Clone)]
enum Repr {
    Inline {
        len: u8,
        numbers: [i64; INLINE_SIZE],
    },
    Shared(Arc<Shared>),
}

struct Shared {
    ordered: Vec<i64>,
    /// The same switches; empty for sets smaller than [`MIN_HASHED_SIZE`].
    hashed: HashSet<i64>,
}

impl SwitchSet {
    /// Creates an empty set.
    pub const fn new() -> Self {
        Self(Repr::Inline {
            len: 0,
            numbers: [0; INLINE_SIZE],
        })
    }

    /// Returns true if this switch is on.
    pub fn is_active(&self, switch: impl Into<Switch>) -> bool {
        let number = switch.into().0;
        match &self.0 {
            Repr::Shared(shared) if !shared.hashed.is_empty() => shared.hashed.contains(&number),
            _ => self.as_slice().contains(&number),
        }
    }

    /// Returns the number of switches that are on.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Returns true if no switch is on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the switches, in the order in which they arrived.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Switch> + '_ {
        self.as_slice().iter().copied().map(Switch)
    }

    /// Returns the switches of both sets, those of this set first.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return other.clone();
        }
        self.iter().chain(other.iter()).collect()
    }

    /// Returns the set with one switch added.
    #[must_use]
    pub fn with(&self, switch: impl Into<Switch>) -> Self {
        let switch = switch.into();
        if self.is_active(switch) {
            return self.clone();
        }
        self.iter().chain(std::iter::once(switch)).collect()
    }

    fn as_slice(&self) -> &[i64] {
        match &self.0 {
            Repr::Inline { len, numbers } => numbers.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Shared(shared) => &shared.ordered,
        }
    }
}

impl Default for SwitchSet {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Into<Switch>> FromIterator<S> for SwitchSet {
    fn from_iter<I: IntoIterator<Item = S>>(switches: I) -> Self {
        let mut len = 0usize;
        let mut inline = [0; INLINE_SIZE];
        let mut switches = switches.into_iter().map(|switch| switch.into().0);
        for number in switches.by_ref() {
            if inline.iter().take(len).any(|known| *known == number) {
                continue;
            }
            if let Some(free) = inline.get_mut(len) {
                *free = number;
                len += 1;
                continue;
            }
            // One switch more than fits inline: the set becomes a shared one.
            let mut ordered = inline.to_vec();
            let mut hashed: HashSet<i64> = ordered.iter().copied().collect();
            for number in std::iter::once(number).chain(switches) {
                if hashed.insert(number) {
                    ordered.push(number);
                }
            }
            if ordered.len() < MIN_HASHED_SIZE {
                hashed = HashSet::new();
            }
            return Self(Repr::Shared(Arc::new(Shared { ordered, hashed })));
        }
        #[allow(clippy::cast_possible_truncation)] // `len` is at most `INLINE_SIZE`.
        let len = len as u8;
        Self(Repr::Inline {
            len,
            numbers: inline,
        })
    }
}

impl<S: Into<Switch>> From<S> for SwitchSet {
    fn from(switch: S) -> Self {
        std::iter::once(switch).collect()
    }
}

impl PartialEq for SwitchSet {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|switch| other.is_active(switch))
    }
}

impl Eq for SwitchSet {}

impl fmt::Debug for SwitchSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.as_slice()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_given_twice_is_kept_once_and_the_order_stays() {
        let set: SwitchSet = [8, 5, 8].into_iter().collect();
        assert_eq!(set.iter().map(Switch::number).collect::<Vec<_>>(), [8, 5]);
        let large: SwitchSet = (0..100).chain(0..100).collect();
        assert_eq!(large.len(), 100);
    }

    #[test]
    fn sets_of_every_size_answer_alike() {
        for size in [0, 1, 3, 4, 31, 32, 500] {
            let set: SwitchSet = (1..=size).collect();
            assert_eq!(set.len(), usize::try_from(size).unwrap());
            assert!((1..=size).all(|number| set.is_active(number)), "{size}");
            assert!(!set.is_active(0) && !set.is_active(size + 1), "{size}");
        }
    }

    #[test]
    fn a_union_holds_the_switches_of_both() {
        let left: SwitchSet = [1, 2].into_iter().collect();
        let right: SwitchSet = [2, 3, 4].into_iter().collect();
        let both = left.union(&right);
        assert_eq!(both, (1..=4).collect());
        assert_eq!(both.with(4).len(), 4);
        assert_eq!(both.with(9).len(), 5);
    }

    #[test]
    fn a_set_is_small_enough_to_be_passed_by_value() {
        assert!(size_of::<SwitchSet>() <= 32);
    }
}
