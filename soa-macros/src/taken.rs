//! Which names the actions of a service have taken, on the wire and in the client.
//!
//! Two actions may share a name on the wire as variants of each other: each has a switch of its own,
//! except one, the default. And two that are both under `#[cfg]` may share anything, as they may
//! exclude each other.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use syn::Ident;
use syn::spanned::Spanned;

use crate::errors::Errors;

/// The names that earlier actions have.
#[derive(Default)]
pub(crate) struct Taken {
    names: HashMap<String, Vec<Name>>,
    /// Whether all holders of a constant are under `#[cfg]`, and the method of the first.
    constants: HashMap<String, (bool, String)>,
}

/// One holder of a name on the wire.
struct Name {
    /// Its switch as it was written, where it has one.
    switch: Option<String>,
    span: Span,
    conditional: bool,
}

impl Taken {
    /// Takes a name on the wire; `false` where it is not free.
    pub(crate) fn names(
        &mut self,
        name: &str,
        span: Span,
        switch: Option<&TokenStream>,
        conditional: bool,
        errors: &mut Errors,
    ) -> bool {
        let holders = self.names.entry(name.to_owned()).or_default();
        let taken = Name {
            switch: switch.map(|switch| switch.to_string().replace(" ", "")),
            span: switch.map_or(span, Spanned::span),
            conditional,
        };
        let rival = holders.iter().find(|other| {
            other.switch == taken.switch && !(other.conditional && taken.conditional)
        });
        let is_free = rival.is_none();
        if !is_free {
            let has_variants = holders.iter().any(|other| other.switch.is_some());
            let message = match &taken.switch {
                Some(switch) => format!(
                    "`{switch}` selects another variant of `{name}` already: give this one another `switch`"
                ),
                None if has_variants => format!(
                    "`{name}` has a default variant already, the one without a `switch`: give this one a `switch`"
                ),
                None => format!(
                    "`{name}` is the name of another action of this service: give one of them another `name`, or a `switch` to make them variants"
                ),
            };
            errors.at(taken.span, message);
        }
        holders.push(taken);
        is_free
    }

    /// Reports the names that have one holder, with a switch: there is nothing for it to choose between.
    pub(crate) fn lone_variants(&self, errors: &mut Errors) {
        let mut lone: Vec<_> = self
            .names
            .iter()
            .filter_map(|(name, holders)| match holders.as_slice() {
                [only] if only.switch.is_some() && !only.conditional => Some((name, only.span)),
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
            // Two methods of one name are for the compiler to report.
            if method != other {
                errors.on(
                    method,
                    format_args!("`{method}` and `{other}` would share the constant `{constant}`: rename one of them"),
                );
            }
            return false;
        }
        self.constants
            .insert(constant, (conditional, method.to_string()));
        true
    }
}
