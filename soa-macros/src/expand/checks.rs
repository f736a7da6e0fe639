//! Types that were written twice, in an attribute and in a signature, compared by the compiler.
//!
//! Only the compiler knows whether two ways of writing a type mean the same. The expression has the
//! span of the type in the attribute, from its first to its last token, so that this is what a
//! mismatch points at.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};

use super::lints;
use crate::carry;
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
    let conditions = carry::tokens(&action.conditions);
    let (first, last) = ends(declared.to_token_stream());
    let start = quote_spanned!(first=> ::core::marker::PhantomData::<);
    let end = quote_spanned!(last=> >);
    quote! {
        #conditions
        const _: ::core::marker::PhantomData<#declared> = #start #actual #end;
    }
}

fn ends(tokens: TokenStream) -> (Span, Span) {
    let mut spans = tokens.into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}
