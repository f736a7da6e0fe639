//! The bounds of a service, in the `where` clause of its `impl`.
//!
//! A service is shared by the handlers of many jobs, on several threads, for as long as its server
//! lives: `Send + Sync + 'static`. Without bounds, a type that is not would be an error at every handler, as each of
//! them is checked by itself. With the bounds in the `where` clause, the handlers rely on
//! them, and the type alone is checked: one error, at the type. A generic service is a service for the parameters that
//! satisfy the bounds.
//!
//! A lifetime in the type has to be `'static`. A named one gets that as a bound, and then the type gets none, which the
//! compiler would take for less general than what it knows itself; `'_` is replaced.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Generics, Type, WhereClause, parse_quote, parse_quote_spanned};

/// Adds the bounds of a service to the parameters of an `impl` block.
pub(crate) fn with_service_bounds(generics: &Generics, self_type: &Type) -> Generics {
    let mut generics = generics.clone();
    let lifetimes: Vec<_> = generics
        .lifetimes()
        .map(|parameter| parameter.lifetime.clone())
        .collect();
    let clause = generics.where_clause.get_or_insert_with(|| WhereClause {
        where_token: <syn::Token![where]>::default(),
        predicates: Punctuated::new(),
    });
    for lifetime in &lifetimes {
        clause.predicates.push(parse_quote!(#lifetime: 'static));
    }
    if lifetimes.is_empty() {
        // All tokens have one span, so that equal errors are shown once.
        let span = Span::mixed_site().located_at(self_type.span());
        clause.predicates.push(parse_quote_spanned! {span=>
            Self: ::core::marker::Send + ::core::marker::Sync + 'static
        });
    }
    generics
}

/// Returns the type with `'static` in place of `'_`.
pub(crate) fn with_static_lifetimes(ty: &Type) -> Type {
    Type::Verbatim(without_elided_lifetimes(ty.to_token_stream()))
}

fn without_elided_lifetimes(tokens: TokenStream) -> TokenStream {
    let mut after_quote = false;
    tokens
        .into_iter()
        .map(|token| {
            let is_elided = after_quote && matches!(&token, TokenTree::Ident(name) if name == "_");
            after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
            match token {
                TokenTree::Ident(name) if is_elided => Ident::new("static", name.span()).into(),
                TokenTree::Group(group) => {
                    let content = without_elided_lifetimes(group.stream());
                    let mut replaced = Group::new(group.delimiter(), content);
                    replaced.set_span(group.span());
                    replaced.into()
                }
                other => other,
            }
        })
        .collect()
}
