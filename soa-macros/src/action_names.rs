//! Which names the actions of a service have taken, on the wire and in the client.
//!
//! Two actions may share a name on the wire as variants of each other: each has a switch of its own,
//! except one, the default. And two that are both under `#[cfg]` may share anything, as they may
//! exclude each other.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use syn::Ident;

use crate::errors::Errors;

/// The names that earlier actions have.
#[derive(Default)]
pub(crate) struct ActionNames {
    names: HashMap<String, Vec<Name>>,
    /// Whether all holders of a constant are under `#[cfg]`, and the method of the first.
    constants: HashMap<String, (bool, String)>,
}

/// Which of the variants of a name it is.
#[derive(PartialEq, Eq)]
pub(crate) enum VariantKey {
    /// The one without a switch.
    Default,
    /// The one with this switch, as it was written.
    Switch(String),
    /// One whose switch could not be read. It was reported, and is in nobody's way.
    Unknown,
}

impl VariantKey {
    /// The variant with this switch.
    pub(crate) fn of(switch: &TokenStream) -> Self {
        Self::Switch(switch.to_string().replace(' ', ""))
    }
}

/// One holder of a name on the wire.
struct Name {
    which: VariantKey,
    span: Span,
    conditional: bool,
}

impl ActionNames {
    /// Takes a name on the wire, which is written at `span`; `false` where it is not free.
    pub(crate) fn names(
        &mut self,
        name: &str,
        which: VariantKey,
        span: Span,
        conditional: bool,
        errors: &mut Errors,
    ) -> bool {
        let holders = self.names.entry(name.to_owned()).or_default();
        let is_free = which == VariantKey::Unknown
            || !holders
                .iter()
                .any(|other| other.which == which && !(other.conditional && conditional));
        if !is_free {
            let has_variants = holders
                .iter()
                .any(|other| other.which != VariantKey::Default);
            let message = match &which {
                VariantKey::Switch(switch) => format!(
                    "`{switch}` selects another variant of `{name}` already: give this one another `switch`"
                ),
                _ if has_variants => format!(
                    "`{name}` has a default variant already, the one without a `switch`: give this one a `switch`"
                ),
                _ => format!(
                    "`{name}` is the name of another action of this service: give one of them another `name`, or a `switch` to make them variants"
                ),
            };
            errors.at(span, message);
        }
        holders.push(Name {
            which,
            span,
            conditional,
        });
        is_free
    }

    /// Reports the names that have one holder, with a switch: there is nothing for it to choose between.
    pub(crate) fn lone_variants(&self, errors: &mut Errors) {
        let mut lone: Vec<_> = self
            .names
            .iter()
            .filter_map(|(name, holders)| match holders.as_slice() {
                [only] if matches!(only.which, VariantKey::Switch(_)) && !only.conditional => {
                    Some((name, only.span))
                }
                _ => None,
            })
            .collect();
        lone.sort_by_key(|(name, _)| *name);
        for (name, span) in lone {
            errors.at(
                span,
                format_args!(
                    "`{name}` has no other variant, so there is nothing to switch: remove `switch`, or add `#[action(name = \"{name}\")]` to another method"
                ),
            );
        }
    }

    /// Whether the client has a method of this name already. Two of them are for the compiler to report.
    pub(crate) fn has_method(&self, constant: &Ident, method: &Ident, conditional: bool) -> bool {
        self.constants
            .get(&constant.to_string())
            .is_some_and(|(all_conditional, other)| {
                method == other && !(*all_conditional && conditional)
            })
    }

    /// Takes the name of a constant in the client; `false` where it is not free.
    pub(crate) fn constants(
        &mut self,
        constant: &Ident,
        method: &Ident,
        conditional: bool,
        errors: &mut Errors,
    ) -> bool {
        let constant = constant.to_string();
        if let Some((all_conditional, other)) = self.constants.get(&constant) {
            if *all_conditional && conditional {
                return true;
            }
            errors.on(
                method,
                format_args!("`{method}` and `{other}` would share the constant `{constant}`: rename one of them"),
            );
            return false;
        }
        self.constants
            .insert(constant, (conditional, method.to_string()));
        true
    }
}
