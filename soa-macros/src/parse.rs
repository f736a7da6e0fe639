//! The parser of the user's item, which never looks into a function's body.
//!
//! There are three kinds: an inherent `impl` block, a trait (a contract), and the `impl` of a
//! contract. Each has a head (attributes, generics, type) and a list of members. A member has
//! attributes, a signature if it is a function, and other tokens, which stay as they are. A
//! function's body is one `{…}` group, so half-typed code in it is reported by the compiler. A member that cannot be
//! parsed is kept as raw tokens, for the same reason.
//!
//! The item is always part of the output: [`Item::into_tokens`] returns it without the markers (`#[action]`,
//! `#[health_check]`). If even the head cannot be parsed, [`without_markers`] removes them from plain tokens.
//!
//! Little is rewritten. The `async fn` of a contract becomes a function that returns a future which is
//! `Send`, as only the trait can promise that for all implementations; a contract and its `impl` get
//! the [`bounds`] of a service.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Generics, Ident, Lifetime, Meta, Path, ReturnType, Signature, Token, Type,
    TypeParamBound, Visibility, token,
};

use crate::bounds;
use crate::item_attribute::{self, AttributeKind};
use crate::lint::handler_lints;

/// The item under `#[service]`.
pub(crate) struct Item {
    /// Outer attributes, doc comments among them.
    pub(crate) attributes: Vec<Attribute>,
    /// The visibility of a trait. On an `impl` block it is an error of the compiler.
    pub(crate) visibility: Visibility,
    /// The kind of item.
    pub(crate) kind: ItemKind,
    unsafety: Option<Token![unsafe]>,
    /// `impl` or `trait`.
    keyword: TokenStream,
    /// The parameters and the `where` clause.
    pub(crate) generics: Generics,
    brace: token::Brace,
    inner_attributes: Vec<Attribute>,
    /// Everything between the braces, in order.
    pub(crate) members: Vec<Member>,
}

/// The kinds of item that `#[service]` can be on.
pub(crate) enum ItemKind {
    /// `impl Type`: contract, service and client in one.
    Inherent {
        /// The type of the block.
        self_type: Type,
    },
    /// `trait Name`: a contract.
    Contract {
        /// Its name.
        name: Ident,
        /// The bounds behind its colon.
        supertraits: Punctuated<TypeParamBound, Token![+]>,
    },
    /// `impl Name for Type`: a service that implements a contract.
    Implementation {
        /// The contract.
        contract: Path,
        /// The type that implements it.
        self_type: Type,
    },
}

/// One member of the block.
pub(crate) struct Member {
    /// The attributes without the markers.
    pub(crate) attributes: Vec<Attribute>,
    /// The `#[action]` attributes: one on an action, more by mistake.
    pub(crate) actions: Vec<Attribute>,
    /// The `#[health_check]` attributes: one on a health check, more by mistake.
    pub(crate) checks: Vec<Attribute>,
    /// Markers inside of `#[cfg_attr(…)]`, which is a mistake.
    pub(crate) conditional: Vec<Attribute>,
    /// The kind of member.
    pub(crate) kind: MemberKind,
}

/// The kinds of member that this macro distinguishes.
pub(crate) enum MemberKind {
    /// A function.
    Function(Box<Function>),
    /// A function whose signature cannot be parsed, and the error.
    Broken(TokenStream, syn::Error),
    /// Anything else: a constant, a type, a macro call.
    Other(TokenStream),
}

/// A function. Its signature is parsed, its body is not.
pub(crate) struct Function {
    visibility: Visibility,
    defaultness: Option<Token![default]>,
    /// From `const` to the `where` clause.
    pub(crate) signature: Signature,
    /// The `{…}` group, or the `;` of a function without a body.
    body: TokenTree,
}

/// Parses an item.
///
/// # Errors
///
/// If the item is none of the three kinds, or its head cannot be parsed.
pub(crate) fn item(item: TokenStream) -> syn::Result<Item> {
    Item::parse.parse2(item)
}

impl Item {
    /// Returns the user's item without the markers, with `addition` at the end of its braces.
    ///
    /// The health checks in the `impl` of a contract, which has no such methods, follow in a block of their own.
    pub(crate) fn into_tokens(self, addition: TokenStream) -> TokenStream {
        let mut output = self.head();
        let rewrites = matches!(self.kind, ItemKind::Contract { .. });
        let own_block = match &self.kind {
            ItemKind::Implementation { self_type, .. } => Some(self.own_block(self_type)),
            _ => None,
        };
        let is_moved = |member: &Member| own_block.is_some() && !member.checks.is_empty();
        let (moved, members): (Vec<_>, _) = self.members.into_iter().partition(is_moved);
        self.brace.surround(&mut output, |content| {
            for attribute in self.inner_attributes {
                attribute.to_tokens(content);
            }
            for member in members {
                member.write(rewrites, content);
            }
            content.extend(addition);
        });
        if let Some(head) = own_block.filter(|_| !moved.is_empty()) {
            output.extend(head);
            self.brace.surround(&mut output, |content| {
                for member in moved {
                    member.write(rewrites, content);
                }
            });
        }
        output
    }

    /// Returns the head of an inherent block for the same type, with the same conditions and lint levels.
    fn own_block(&self, self_type: &Type) -> TokenStream {
        let attributes = item_attribute::select(
            &self.attributes,
            &[AttributeKind::Condition, AttributeKind::Lint],
        );
        let Self {
            keyword, generics, ..
        } = self;
        let bounds = bounds::with_service_bounds(generics, self_type).where_clause;
        let self_type = bounds::with_static_lifetimes(self_type);
        quote! {
            #[allow(trivial_bounds)]
            #(#attributes)*
            #keyword #generics #self_type #bounds
        }
    }

    fn head(&self) -> TokenStream {
        let Self {
            attributes,
            kind,
            visibility,
            unsafety,
            keyword,
            generics,
            ..
        } = self;
        let where_clause = &generics.where_clause;
        match kind {
            ItemKind::Inherent { self_type } => {
                quote! {
                    #(#attributes)*
                    #visibility #unsafety #keyword #generics #self_type #where_clause
                }
            }
            ItemKind::Contract { name, supertraits } => {
                let supertraits = supertraits.iter();
                quote! {
                    // The types of an action may be less visible than its contract.
                    #[allow(private_bounds, private_interfaces)]
                    #(#attributes)*
                    #visibility #unsafety #keyword #name #generics:
                        #(#supertraits +)*
                        ::core::marker::Send + ::core::marker::Sync + ::core::marker::Sized + 'static
                    #where_clause
                }
            }
            ItemKind::Implementation {
                contract,
                self_type,
            } => {
                let bounds = bounds::with_service_bounds(generics, self_type).where_clause;
                let self_type = bounds::with_static_lifetimes(self_type);
                quote! {
                    #[allow(private_bounds, private_interfaces, trivial_bounds)]
                    #(#attributes)*
                    #visibility #unsafety #keyword #generics #contract for #self_type #bounds
                }
            }
        }
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let item = input.fork();
        let visibility = input.parse()?;
        let unsafety: Option<Token![unsafe]> = input.parse()?;
        let (keyword, kind, mut generics) = if input.peek(Token![trait]) {
            contract_head(input)?
        } else if input.peek(Token![impl]) {
            impl_head(input)?
        } else {
            return Err(syn::Error::new_spanned(
                item.parse::<TokenStream>()?,
                "`#[service]` goes on an `impl` block or on a trait: write `#[service(…)] impl MyService { … }`",
            ));
        };
        generics.where_clause = input.parse()?;
        let content;
        let brace = syn::braced!(content in input);
        let inner_attributes = content.call(Attribute::parse_inner)?;
        let mut members = Vec::new();
        while !content.is_empty() {
            members.push(content.parse()?);
        }
        Ok(Self {
            attributes,
            visibility,
            kind,
            unsafety,
            keyword,
            generics,
            brace,
            inner_attributes,
            members,
        })
    }
}

/// Parses the head of a trait, up to its `where` clause.
fn contract_head(input: ParseStream<'_>) -> syn::Result<(TokenStream, ItemKind, Generics)> {
    let keyword: Token![trait] = input.parse()?;
    let name = input.parse()?;
    let generics = input.parse()?;
    let mut supertraits = Punctuated::new();
    if input.parse::<Option<Token![:]>>()?.is_some() {
        while !input.peek(Token![where]) && !input.peek(token::Brace) {
            supertraits.push_value(input.parse()?);
            if !input.peek(Token![+]) {
                break;
            }
            supertraits.push_punct(input.parse()?);
        }
    }
    let kind = ItemKind::Contract { name, supertraits };
    Ok((keyword.into_token_stream(), kind, generics))
}

/// Parses the head of an `impl` block, up to its `where` clause.
fn impl_head(input: ParseStream<'_>) -> syn::Result<(TokenStream, ItemKind, Generics)> {
    let keyword: Token![impl] = input.parse()?;
    let generics = if starts_generics(input) {
        input.parse()?
    } else {
        Generics::default()
    };
    let first: Type = input.parse()?;
    let kind = if input.parse::<Option<Token![for]>>()?.is_some() {
        // A `macro_rules!` puts an invisible group around its arguments.
        let mut contract = first;
        while let Type::Group(group) = contract {
            contract = *group.elem;
        }
        let Type::Path(path) = contract else {
            return Err(syn::Error::new_spanned(
                contract,
                "expected the name of a contract, which is a trait under `#[service]`",
            ));
        };
        ItemKind::Implementation {
            contract: path.path,
            self_type: input.parse()?,
        }
    } else {
        ItemKind::Inherent { self_type: first }
    };
    Ok((keyword.into_token_stream(), kind, generics))
}

/// Returns true if the `<` after `impl` opens generic parameters, unlike in `impl <T as Trait>::Type { … }`.
fn starts_generics(input: ParseStream<'_>) -> bool {
    input.peek(Token![<])
        && (input.peek2(Token![>])
            || input.peek2(Token![#])
            || input.peek2(Token![const])
            || (input.peek2(Ident) || input.peek2(Lifetime))
                && (input.peek3(Token![:]) && !input.peek3(Token![::])
                    || input.peek3(Token![,])
                    || input.peek3(Token![>])
                    || input.peek3(Token![=])))
}

impl Parse for Member {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let (markers, attributes): (Vec<_>, _) = attributes.into_iter().partition(is_marker);
        let (conditional, markers): (_, Vec<_>) = markers
            .into_iter()
            .partition(|attribute| attribute.path().is_ident("cfg_attr"));
        let (actions, checks) = markers
            .into_iter()
            .partition(|attribute| is_called("action", attribute.path()));
        let ahead = input.fork();
        let kind = match ahead.parse::<Function>() {
            Ok(function) => {
                input.advance_to(&ahead);
                MemberKind::Function(Box::new(function))
            }
            Err(error) => {
                let (tokens, is_function) = raw_member(input)?;
                if is_function {
                    let message = format!("cannot parse this signature: {error}");
                    MemberKind::Broken(tokens, syn::Error::new(error.span(), message))
                } else {
                    MemberKind::Other(tokens)
                }
            }
        };
        Ok(Self {
            attributes,
            actions,
            checks,
            conditional,
            kind,
        })
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let visibility = input.parse()?;
        let defaultness = if input.peek(Token![default]) {
            Some(input.parse()?)
        } else {
            None
        };
        let signature = input.parse()?;
        if !input.peek(token::Brace) && !input.peek(Token![;]) {
            return Err(input.error("expected the function's body"));
        }
        let body = input.parse()?;
        Ok(Self {
            visibility,
            defaultness,
            signature,
            body,
        })
    }
}

/// Returns the tokens up to the end of a member, and true if it is a function.
///
/// A member ends with a `;`, or with the braces of a function or a macro call. If that guess is
/// wrong, the next member starts in the middle of this one. Nothing is lost then, as the tokens of both stay as they are.
fn raw_member(input: ParseStream<'_>) -> syn::Result<(TokenStream, bool)> {
    let mut tokens = TokenStream::new();
    let mut is_function = false;
    let mut is_macro = false;
    let mut is_assigned = false;
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let ends = match &token {
            TokenTree::Ident(word) => {
                is_function |= word == "fn" && !is_assigned;
                false
            }
            TokenTree::Punct(punct) => {
                is_macro |= punct.as_char() == '!';
                is_assigned |= punct.as_char() == '=';
                punct.as_char() == ';'
            }
            TokenTree::Group(group) => {
                group.delimiter() == Delimiter::Brace && (is_function || is_macro) && !is_assigned
            }
            TokenTree::Literal(_) => false,
        };
        tokens.extend([token]);
        if ends {
            break;
        }
    }
    Ok((tokens, is_function))
}

impl Member {
    fn write(self, rewrites: bool, output: &mut TokenStream) {
        let is_action = !self.actions.is_empty();
        if is_action || !self.checks.is_empty() {
            output.extend(handler_lints());
            if rewrites {
                output.extend(quote!(#[allow(clippy::manual_async_fn)]));
            }
        }
        for attribute in self.attributes {
            attribute.to_tokens(output);
        }
        match self.kind {
            MemberKind::Function(function) => output.extend(match *function {
                function if is_action && rewrites => function.returning_a_future(),
                function => function.into_token_stream(),
            }),
            MemberKind::Broken(tokens, _) | MemberKind::Other(tokens) => output.extend(tokens),
        }
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, output: &mut TokenStream) {
        let Self {
            visibility,
            defaultness,
            signature,
            body,
        } = self;
        output.extend(quote!(#visibility #defaultness #signature #body));
    }
}

impl Function {
    /// Returns the function with `async fn` written as `fn … -> impl Future + Send`. A function without `async` stays as it
    /// is.
    fn returning_a_future(mut self) -> TokenStream {
        let Some(asyncness) = self.signature.asyncness.take() else {
            return self.into_token_stream();
        };
        let (arrow, output) = match &self.signature.output {
            ReturnType::Default => (quote!(->), quote!(())),
            ReturnType::Type(arrow, output) => (quote!(#arrow), quote!(#output)),
        };
        let span = Span::mixed_site().located_at(asyncness.span);
        let future = quote_spanned! {span=>
            impl ::core::future::Future<Output = #output> + ::core::marker::Send
        };
        self.signature.output = ReturnType::Default;
        let where_clause = self.signature.generics.where_clause.take();
        let Self {
            visibility,
            defaultness,
            signature,
            body,
        } = self;
        let body = match body {
            body @ TokenTree::Group(_) => quote!({ async move #body }),
            semicolon => quote!(#semicolon),
        };
        quote!(#visibility #defaultness #signature #arrow #future #where_clause #body)
    }
}

/// Returns true for a marker, also inside of a `#[cfg_attr(…)]`.
fn is_marker(attribute: &Attribute) -> bool {
    contains_marker(&attribute.meta)
}

fn contains_marker(meta: &Meta) -> bool {
    match meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            parts.is_ok_and(|parts| parts.iter().skip(1).any(contains_marker))
        }
        meta => is_called("action", meta.path()) || is_called("health_check", meta.path()),
    }
}

/// Returns true for the path of an attribute of that name, whatever the path of the framework is here.
fn is_called(name: &str, path: &Path) -> bool {
    path.segments
        .last()
        .is_some_and(|segment| segment.ident.unraw() == name)
}

/// Removes the markers directly inside the braces of an item that cannot be parsed.
///
/// Each marker that stays would add an error of its own.
pub(crate) fn without_markers(item: TokenStream) -> TokenStream {
    item.into_iter()
        .map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let mut kept = Group::new(Delimiter::Brace, strip(group.stream()));
                kept.set_span(group.span());
                TokenTree::Group(kept)
            }
            other => other,
        })
        .collect()
}

fn strip(members: TokenStream) -> TokenStream {
    let mut output = Vec::new();
    let mut tokens = members.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let opens = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        let is_ours = match tokens.peek() {
            Some(TokenTree::Group(group)) if opens && group.delimiter() == Delimiter::Bracket => {
                let attribute = Attribute::parse_outer.parse2(quote!(#token #group));
                attribute.is_ok_and(|attributes| attributes.iter().all(is_marker))
            }
            _ => false,
        };
        if is_ours {
            tokens.next();
        } else {
            output.push(token);
        }
    }
    output.into_iter().collect()
}
