//! Which attributes of the user's items are repeated on what is generated for them.
//!
//! Four kinds are: doc comments, `#[cfg]`, `#[deprecated]` and lint levels. All others
//! (`#[tracing::instrument]`, `#[inline]`) are about the method that they are on, and stay there.
//! `#[cfg_attr(…, …)]` is carried over with those of its attributes that would be carried over by
//! themselves. An `#[expect(…)]` becomes an `#[allow(…)]`: the generated code need not have what
//! the user's code is expected to have.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, Lit, Meta, Path, Token};

/// A kind of attribute that is carried over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeKind {
    /// Doc comments, also as `#[doc = …]` and `#[doc(…)]`.
    Doc,
    /// `#[cfg]`.
    Condition,
    /// `#[deprecated]`.
    Deprecated,
    /// `#[allow]`, `#[expect]`, `#[warn]`, `#[deny]`. Not `#[forbid]`, beside which generated code
    /// could allow nothing.
    Lint,
}

impl AttributeKind {
    fn of(path: &Path) -> Option<Self> {
        match path.get_ident()?.to_string().as_str() {
            "doc" => Some(Self::Doc),
            "cfg" => Some(Self::Condition),
            "deprecated" => Some(Self::Deprecated),
            "allow" | "expect" | "warn" | "deny" => Some(Self::Lint),
            _ => None,
        }
    }
}

/// The attributes of the `wanted` kinds, ready to be put on something generated.
pub(crate) fn select(attributes: &[Attribute], wanted: &[AttributeKind]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter_map(|attribute| {
            let mut attribute = attribute.clone();
            attribute.meta = carried(attribute.meta, wanted)?;
            Some(attribute)
        })
        .collect()
}

fn carried(mut meta: Meta, wanted: &[AttributeKind]) -> Option<Meta> {
    if let Meta::List(list) = &mut meta
        && list.path.is_ident("cfg_attr")
    {
        let parts = list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .ok()?;
        let mut parts = parts.into_iter();
        let condition = parts.next()?;
        let kept: Vec<Meta> = parts.filter_map(|meta| carried(meta, wanted)).collect();
        if kept.is_empty() {
            return None;
        }
        list.tokens = quote!(#condition, #(#kept),*);
        return Some(meta);
    }
    let kind = AttributeKind::of(meta.path())?;
    if !wanted.contains(&kind) {
        return None;
    }
    if let Meta::List(list) = &mut meta
        && list.path.is_ident("expect")
    {
        list.path = Ident::new("allow", list.path.get_ident()?.span()).into();
    }
    Some(meta)
}

/// Whether the item is deprecated, as an expression; `None` where it certainly is not.
pub(crate) fn deprecation(attributes: &[Attribute]) -> Option<TokenStream> {
    let mut conditions = Vec::new();
    for attribute in select(attributes, &[AttributeKind::Deprecated]) {
        match attribute.meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                let condition = list.parse_args_with(|input: ParseStream<'_>| {
                    let condition: Meta = input.parse()?;
                    input.parse::<TokenStream>()?;
                    Ok(condition)
                });
                conditions.extend(condition.ok());
            }
            _ => return Some(quote!(true)),
        }
    }
    if conditions.is_empty() {
        return None;
    }
    Some(quote!(::core::cfg!(any(#(#conditions),*))))
}

/// The doc comment as an expression of type `&'static str`, without the space that follows each `///`; `None` where there
/// is nothing in it.
///
/// A macro in it (`#[doc = include_str!("…")]`) is for the compiler to expand.
pub(crate) fn documentation(attributes: &[Attribute]) -> Option<TokenStream> {
    // Text and calls of macros, by turns: every second one is a call.
    let mut text = String::new();
    let mut pieces: Vec<TokenStream> = Vec::new();
    for attribute in attributes {
        let Meta::NameValue(meta) = &attribute.meta else {
            continue;
        };
        if !meta.path.is_ident("doc") {
            continue;
        }
        match ungrouped(&meta.value) {
            Expr::Lit(literal) => {
                let Lit::Str(literal) = &literal.lit else {
                    continue;
                };
                for line in literal.value().lines() {
                    text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
                    text.push('\n');
                }
                if literal.value().is_empty() {
                    text.push('\n');
                }
            }
            Expr::Macro(call) => {
                let before = std::mem::take(&mut text);
                pieces.push(quote!(#before, #call,));
                text.push('\n');
            }
            _ => {}
        }
    }
    if pieces.is_empty() {
        let text = text.trim_matches('\n');
        return (!text.is_empty()).then(|| quote!(#text));
    }
    let end = text.trim_end_matches('\n');
    Some(quote!(::core::concat!(#(#pieces)* #end)))
}

/// The first paragraph of the doc comment, on one line; `None` where there is nothing in it, or only macros.
pub(crate) fn summary(attributes: &[Attribute]) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(meta) = &attribute.meta
            && meta.path.is_ident("doc")
            && let Expr::Lit(literal) = ungrouped(&meta.value)
            && let Lit::Str(text) = &literal.lit
        {
            // Unlike `lines`, `split` gives one for an empty text, which ends a paragraph.
            for line in text.value().split('\n') {
                if line.trim().is_empty() && !words.is_empty() {
                    return Some(words.join(" "));
                }
                words.extend(line.split_whitespace().map(str::to_owned));
            }
        }
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// What is inside the invisible group that a `macro_rules!` puts around it.
fn ungrouped(mut expression: &Expr) -> &Expr {
    while let Expr::Group(group) = expression {
        expression = &group.expr;
    }
    expression
}

/// The attributes as tokens, each in front of what follows.
pub(crate) fn tokens(attributes: &[Attribute]) -> TokenStream {
    attributes.iter().map(Attribute::to_token_stream).collect()
}
