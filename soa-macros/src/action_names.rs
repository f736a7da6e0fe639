//! The names that the actions of a service use, on the wire and in the client.
//!
//! Two actions may share a name on the wire as variants of each other: each has a switch of its own,
//! except one, the default. Two actions that are both under `#[cfg]` may share any name, as they may
//! exclude each other.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use syn::Ident;

use crate::errors::Errors;

/// The names of the actions that were read so far.
#[derive(Default)]
pub(crate) struct ActionNames {
    wire_names: HashMap<String, Vec<NameUse>>,
    /// By constant: true if all of its uses are under `#[cfg]`, and the method of the first.
    constants: HashMap<String, (bool, String)>,
}

/// The key of a variant among those of one name.
#[derive(PartialEq, Eq)]
pub(crate) enum VariantKey {
    /// The variant without a switch.
    Default,
    /// The variant with this switch, as it is written.
    Switch(String),
    /// A variant whose switch has a mistake, which has been reported. It conflicts with no other.
    Unreadable,
}

impl VariantKey {
    /// Returns the key of the variant with this switch.
    pub(crate) fn of(switch: &TokenStream) -> Self {
        Self::Switch(switch.to_string().replace(' ', ""))
    }
}

/// One use of a name on the wire.
struct NameUse {
    variant: VariantKey,
    span: Span,
    conditional: bool,
}

impl ActionNames {
    /// Adds a name on the wire, which is written at `span`; returns false if it is in use.
    pub(crate) fn add_wire_name(
        &mut self,
        name: &str,
        variant: VariantKey,
        span: Span,
        conditional: bool,
        errors: &mut Errors,
    ) -> bool {
        let holders = self.wire_names.entry(name.to_owned()).or_default();
        let is_free = variant == VariantKey::Unreadable
            || !holders
                .iter()
                .any(|other| other.variant == variant && !(other.conditional && conditional));
        if !is_free {
            let has_variants = holders
                .iter()
                .any(|other| other.variant != VariantKey::Default);
            let message = match &variant {
                VariantKey::Switch(switch) => format!(
                    "switch `{switch}` already selects another variant of `{name}`: give this one another `switch`"
                ),
                _ if has_variants => format!(
                    "`{name}` already has a default variant, the one without a `switch`: give this one a `switch`"
                ),
                _ => format!(
                    "`{name}` is the name of another action of this service: give one of them another `name`, or a `switch` to make them variants"
                ),
            };
            errors.at(span, message);
        }
        holders.push(NameUse {
            variant,
            span,
            conditional,
        });
        is_free
    }

    /// Reports names with one variant, if that has a switch, which would select nothing.
    pub(crate) fn report_lone_variants(&self, errors: &mut Errors) {
        let mut lone: Vec<_> = self
            .wire_names
            .iter()
            .filter_map(|(name, holders)| match holders.as_slice() {
                [only] if matches!(only.variant, VariantKey::Switch(_)) && !only.conditional => {
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
                    "`{name}` has no other variant, so its `switch` selects nothing: remove `switch`, or add `#[action(name = \"{name}\")]` to another method"
                ),
            );
        }
    }

    /// Returns true if the client already has a method of this name. Two of them are reported by the compiler.
    pub(crate) fn has_method(&self, constant: &Ident, method: &Ident, conditional: bool) -> bool {
        self.constants
            .get(&constant.to_string())
            .is_some_and(|(all_conditional, other)| {
                method == other && !(*all_conditional && conditional)
            })
    }

    /// Adds the name of a constant of the client; returns false if it is in use.
    pub(crate) fn add_constant(
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
