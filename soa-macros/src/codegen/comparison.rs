//! Types that were written twice, in an attribute and in a signature, compared by the compiler.
//!
//! Only the compiler knows whether two ways of writing a type mean the same. So a function takes the one
//! and returns it as the other. What it returns is written with two tokens, which have the spans of the
//! first and the last of the type in the attribute: this is what a mismatch points at.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};

use crate::model::Comparison;

/// The comparisons of an action, as items for the body of a function.
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

fn ends(tokens: TokenStream) -> (Span, Span) {
    let mut spans = tokens.into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}
