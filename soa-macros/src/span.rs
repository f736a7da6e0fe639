//! The spans of generated tokens: the places at which errors in them are shown.
//!
//! Code that is generated for a method or a field has the span of its name, so that an error in it points there and not at
//! the whole attribute. Only the location is taken. Local variables stay hygienic, so they do not mix with the user's.

use proc_macro2::{Span, TokenStream};
use syn::Ident;

/// Returns the span of code that belongs to `ident`: its location, with hygienic local variables.
pub(crate) fn span_of(ident: &Ident) -> Span {
    Span::mixed_site().located_at(ident.span())
}

/// Moves tokens to the location of `ident`, and keeps the rules by which their names are resolved. Used for paths that an
/// error about an action starts with.
pub(crate) fn shown_at(tokens: &TokenStream, ident: &Ident) -> TokenStream {
    located_at(tokens, ident.span())
}

/// Moves tokens to a place, and keeps the rules by which their names are resolved.
pub(crate) fn located_at(tokens: &TokenStream, place: Span) -> TokenStream {
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(place));
            token
        })
        .collect()
}
