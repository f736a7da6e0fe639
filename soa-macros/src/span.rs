//! Places of generated tokens: where an error in them is shown.
//!
//! What is generated for a method or a field is shown at its name, so that an error in it points there and not at the
//! whole attribute. Local variables stay hygienic all the same.

use proc_macro2::{Span, TokenStream};
use syn::Ident;

/// Where errors in code that belongs to `ident` show up, and its local variables still do not mix
/// with the user's.
pub(crate) fn span_of(ident: &Ident) -> Span {
    Span::mixed_site().located_at(ident.span())
}

/// The same tokens, found by the same rules, but shown at `ident`: for the path that an error about
/// an action starts with.
pub(crate) fn shown_at(tokens: &TokenStream, ident: &Ident) -> TokenStream {
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(ident.span()));
            token
        })
        .collect()
}
