//! The sink that every stage reports into.
//!
//! A macro that stops at its first mistake makes its user compile once per mistake. So no stage
//! returns early on an error of the user's: it adds the error to this sink and goes on with the rest.
//! A stage that must know whether *its* part was valid uses a sink of its own and appends it to the
//! caller's.
//!
//! All texts follow one pattern: the name in backticks, the rule, and what to write instead.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors found so far, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// Adds an error that exists already, one of the parser for example.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// Reports an error at one token.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Reports an error at all of `tokens`, from the first to the last.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Appends the errors of another sink.
    pub(crate) fn append(&mut self, mut child: Self) {
        self.found.append(&mut child.found);
    }

    /// Returns true if there are no errors.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns one `compile_error!` per error.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.found
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }
}
