//! Comparisons of types that are written twice, in an attribute and in a signature.
//!
//! Only the compiler can compare two ways of writing a type. So a function takes a value of the one type
//! and returns it as the other. The expression that it returns has two tokens, with the spans of the
//! first and the last token of the type in the attribute: a mismatch is shown there.
//!
//! The comparisons stand in the client's method, so that the lint levels of the action hold for them as well.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};

use crate::model::Comparison;

/// Generates the comparisons of an action, as items for the body of a function.
pub(super) fn expand(comparisons: &[Comparison]) -> TokenStream {
    comparisons.iter().map(comparison).collect()
}

fn comparison(comparison: &Comparison) -> TokenStream {
    let Comparison { declared, actual } = comparison;
    let (first, last) = ends(declared.to_token_stream());
    let pair = quote_spanned!(first=> pair);
    let one = quote_spanned!(last=> .0);
    quote! {
        const _: fn((#actual,)) -> #declared = |#pair| #pair #one;
    }
}

/// Returns the spans of the first and the last token.
fn ends(tokens: TokenStream) -> (Span, Span) {
    let mut spans = tokens.into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}
