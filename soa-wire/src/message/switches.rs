//! Switches: integers that a caller turns on to ask for a feature or a version of an action.
//!
//! Switches are job-wide and travel in the context, so they reach every service down the chain. A
//! [`SwitchSet`] is tested far more often than it is built: sets of up to three switches live inline
//! and copy without allocating, larger ones are shared.

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
    /// A switch with this number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number that travels.
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

const INLINE: usize = 3;

/// From this size on, a set is tested by hashing: a hostile caller must not get a quadratic scan.
const HASHED: usize = 32;

/// The switches of a job: each at most once, in the order in which they arrived.
///
/// Two sets are equal when they hold the same switches, in whatever order.
#[derive(Clone)]
pub struct SwitchSet(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, numbers: [i64; INLINE] },
    Shared(Arc<Shared>),
}

struct Shared {
    ordered: Vec<i64>,
    /// Filled from [`HASHED`] switches on.
    hashed: HashSet<i64>,
}

impl SwitchSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self(Repr::Inline {
            len: 0,
            numbers: [0; INLINE],
        })
    }

    /// Whether this switch is on.
    pub fn is_active(&self, switch: impl Into<Switch>) -> bool {
        let number = switch.into().0;
        match &self.0 {
            Repr::Shared(shared) if !shared.hashed.is_empty() => shared.hashed.contains(&number),
            _ => self.as_slice().contains(&number),
        }
    }

    /// How many switches are on.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether no switch is on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The switches in the order in which they arrived.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Switch> + '_ {
        self.as_slice().iter().copied().map(Switch)
    }

    /// The switches of both sets: this one's first.
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

    /// This set with one switch more.
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
        let mut inline = [0; INLINE];
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
            // One more than fits inline: move everything to a shared set.
            let mut ordered = inline.to_vec();
            let mut hashed: HashSet<i64> = ordered.iter().copied().collect();
            for number in std::iter::once(number).chain(switches) {
                if hashed.insert(number) {
                    ordered.push(number);
                }
            }
            if ordered.len() < HASHED {
                hashed = HashSet::new();
            }
            return Self(Repr::Shared(Arc::new(Shared { ordered, hashed })));
        }
        #[allow(clippy::cast_possible_truncation)] // `len` is at most INLINE.
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
