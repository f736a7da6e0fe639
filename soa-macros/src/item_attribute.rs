//! Attributes of the user's items that are repeated on generated items, and the text of doc comments.
//!
//! Four kinds are repeated ([`AttributeKind`]): doc comments, `#[cfg]`, `#[deprecated]` and lint levels. All others
//! (`#[tracing::instrument]`, `#[inline]`) are about the method that they are on, and stay there.
//!
//! A `#[cfg_attr(…, …)]` is repeated with those of its attributes that are repeated by themselves. An `#[expect(…)]`
//! becomes an `#[allow(…)]`, as the generated code need not raise the lint.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, Lit, Meta, Path, Token};

/// A kind of attribute that is repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeKind {
    /// Doc comments, also as `#[doc = …]` and `#[doc(…)]`.
    Doc,
    /// `#[cfg]`.
    Condition,
    /// `#[deprecated]`.
    Deprecated,
    /// `#[allow]`, `#[expect]`, `#[warn]`, `#[deny]`. Not `#[forbid]`, which no `#[allow]` of generated code
    /// can override.
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

/// Returns the attributes of the `wanted` kinds, in the form that generated items have.
pub(crate) fn select(attributes: &[Attribute], wanted: &[AttributeKind]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter_map(|attribute| {
            let mut attribute = attribute.clone();
            attribute.meta = repeated(attribute.meta, wanted)?;
            Some(attribute)
        })
        .collect()
}

/// Returns an attribute as it is repeated; `None` if it is not.
fn repeated(mut meta: Meta, wanted: &[AttributeKind]) -> Option<Meta> {
    if let Meta::List(list) = &mut meta
        && list.path.is_ident("cfg_attr")
    {
        let parts = list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .ok()?;
        let mut parts = parts.into_iter();
        let condition = parts.next()?;
        let kept: Vec<Meta> = parts.filter_map(|meta| repeated(meta, wanted)).collect();
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

/// Returns an expression that is true if the item is deprecated; `None` if it has no such attribute.
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

/// Returns the doc comment as an expression of type `&'static str`, without the space after each `///`; `None` if it is
/// empty.
///
/// Macros in it (`#[doc = include_str!("…")]`) are expanded by the compiler.
pub(crate) fn documentation(attributes: &[Attribute]) -> Option<TokenStream> {
    // Each piece is the text before a call of a macro, and the call.
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

/// Returns the first paragraph of the doc comment, on one line; `None` if it is empty, or has only macros.
pub(crate) fn summary(attributes: &[Attribute]) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(meta) = &attribute.meta
            && meta.path.is_ident("doc")
            && let Expr::Lit(literal) = ungrouped(&meta.value)
            && let Lit::Str(text) = &literal.lit
        {
            // Unlike `lines`, `split` returns one line for an empty text, which ends a paragraph.
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

/// Returns the expression inside the invisible groups that a `macro_rules!` adds.
fn ungrouped(mut expression: &Expr) -> &Expr {
    while let Expr::Group(group) = expression {
        expression = &group.expr;
    }
    expression
}

/// Returns the attributes as tokens.
pub(crate) fn tokens(attributes: &[Attribute]) -> TokenStream {
    attributes.iter().map(Attribute::to_token_stream).collect()
}
