//! Types that were written twice, in an attribute and in a signature, compared by the compiler.
//!
//! Only the compiler knows whether two ways of writing a type mean the same. So a function takes the one
//! and returns it as the other. What it returns is written with two tokens, which have the spans of the
//! first and the last of the type in the attribute: this is what a mismatch points at.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};

use crate::item_attribute;
use crate::lint::lints;
use crate::model::{Action, Comparison, Service};

pub(super) fn expand(service: &Service) -> Option<TokenStream> {
    let checks: Vec<TokenStream> = service
        .actions
        .iter()
        .flat_map(|action| {
            action
                .comparisons
                .iter()
                .map(move |comparison| check(action, comparison))
        })
        .collect();
    let lints = lints();
    (!checks.is_empty()).then(|| {
        quote! {
            #lints
            const _: () = {
                #(#checks)*
            };
        }
    })
}

fn check(action: &Action, comparison: &Comparison) -> TokenStream {
    let Comparison { declared, actual } = comparison;
    let conditions = item_attribute::tokens(&action.conditions);
    let (first, last) = ends(declared.to_token_stream());
    let pair = quote_spanned!(first=> pair);
    let one = quote_spanned!(last=> .0);
    quote! {
        #conditions
        const _: fn((#actual,)) -> #declared = |#pair| #pair #one;
    }
}

fn ends(tokens: TokenStream) -> (Span, Span) {
    let mut spans = tokens.into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}
