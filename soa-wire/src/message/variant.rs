//! Variants: several implementations of one action, of which the switches of a job select one.
//!
//! A *family* is all variants of one name, in the order of their declaration. Each has a switch, except the default. The
//! rule is that of PySOA's `SwitchedAction`: the first variant whose switch is on answers, or else the default, or, without
//! a default, the last one. Switch 0 counts as off. Server, client and stubs use the same function, so a typed client knows
//! which variant will answer.

use std::fmt;

use super::switches::{Switch, SwitchSet};

/// One variant of an action, and the family that it belongs to. Generated code creates it.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The switch that selects the variant; `None` for the default.
    pub switch: Option<Switch>,
    /// The switches of all variants of the action, including this one, in the order of declaration.
    pub family: &'static [Option<Switch>],
}

impl Variant {
    /// Fails the build if the switch cannot select this variant.
    #[doc(hidden)]
    pub const fn check(&self) {
        let Some(switch) = self.switch else { return };
        let number = switch.number();
        assert!(
            number != 0,
            "switch 0 is never on: give the variant another number"
        );
        let mut rest = self.family;
        let mut count = 0;
        while let [first, others @ ..] = rest {
            if let Some(other) = first
                && other.number() == number
            {
                count += 1;
            }
            rest = others;
        }
        assert!(
            count < 2,
            "another variant of the action has the same switch: one of them would never answer"
        );
    }

    /// Returns the switch of the variant that answers under these switches; `None` for the default.
    #[doc(hidden)]
    pub fn select(&self, switches: &SwitchSet) -> Option<Switch> {
        select(self.family.iter().copied(), switches)
            .and_then(|index| self.family.get(index).copied())
            .flatten()
    }

    /// Returns the part of a variant's name in `introspect` after the name of the action.
    #[doc(hidden)]
    pub fn suffix(&self, switch: Option<Switch>) -> impl fmt::Display + use<> {
        let has_default = self.family.contains(&None);
        let is_last = || self.family.last() == Some(&switch);
        Suffix(switch.filter(|_| has_default || !is_last()))
    }
}

/// Returns the index of the variant that answers under these switches; `None` if the family is empty.
#[doc(hidden)]
pub fn select(family: impl Iterator<Item = Option<Switch>>, switches: &SwitchSet) -> Option<usize> {
    let (mut default, mut last) = (None, None);
    for (index, switch) in family.enumerate() {
        match switch {
            Some(switch) if switch.number() != 0 && switches.is_active(switch) => {
                return Some(index);
            }
            Some(_) => last = Some(index),
            None => default = Some(index),
        }
    }
    default.or(last)
}

/// `[switch:5]` or `[DEFAULT]`.
#[derive(Clone, Copy, Debug)]
struct Suffix(Option<Switch>);

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(switch) => write!(f, "[switch:{switch}]"),
            None => f.write_str("[DEFAULT]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Option<Switch> = Some(Switch::new(5));
    const SEVEN: Option<Switch> = Some(Switch::new(7));
    const ZERO: Option<Switch> = Some(Switch::new(0));

    fn selected(family: &'static [Option<Switch>], switches: &[i64]) -> Option<Switch> {
        let switches = switches.iter().copied().collect();
        Variant {
            switch: None,
            family,
        }
        .select(&switches)
    }

    #[test]
    fn the_first_variant_whose_switch_is_on_answers() {
        assert_eq!(selected(&[SEVEN, FIVE, None], &[5]), FIVE);
        assert_eq!(selected(&[SEVEN, FIVE, None], &[5, 7]), SEVEN);
        assert_eq!(selected(&[FIVE, SEVEN, None], &[7, 5]), FIVE);
        assert_eq!(selected(&[None, FIVE], &[5]), FIVE);
    }

    #[test]
    fn else_the_default_answers_wherever_it_stands() {
        assert_eq!(selected(&[SEVEN, FIVE, None], &[1]), None);
        assert_eq!(selected(&[None, FIVE], &[]), None);
    }

    #[test]
    fn without_a_default_the_last_answers() {
        assert_eq!(selected(&[SEVEN, FIVE], &[]), FIVE);
        assert_eq!(selected(&[SEVEN, FIVE], &[7]), SEVEN);
    }

    #[test]
    fn switch_0_counts_as_off() {
        assert_eq!(selected(&[ZERO, FIVE, None], &[0]), None);
    }

    #[test]
    fn a_variant_is_shown_with_its_switch_and_the_one_that_answers_otherwise_as_default() {
        let shown = |family, switch| Variant { switch, family }.suffix(switch).to_string();
        assert_eq!(shown(&[SEVEN, FIVE, None], SEVEN), "[switch:7]");
        assert_eq!(shown(&[SEVEN, FIVE, None], None), "[DEFAULT]");
        assert_eq!(shown(&[None, FIVE], FIVE), "[switch:5]");
        assert_eq!(shown(&[SEVEN, FIVE], FIVE), "[DEFAULT]");
    }
}
