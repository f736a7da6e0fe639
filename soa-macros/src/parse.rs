//! The user's item, taken apart without looking into it.
//!
//! There are three kinds: an inherent `impl` block, a trait (a contract), and the `impl` of a
//! contract. Each is its head (attributes, generics, type) and a list of members. A member is its
//! attributes, for a function the signature, and the rest: tokens that are passed on untouched. A
//! function's body is one `{…}` group and is never parsed, so an expression that the user has typed
//! half of is for the compiler to report, not for this macro to choke on. A member that cannot be
//! understood at all is kept as raw tokens, for the same reason.
//!
//! Whatever is taken apart can be put together again: [`Item::into_tokens`] gives the user's item
//! without the `#[action]` attributes, which are this macro's own. When even the head is not
//! understood, [`without_markers`] does that on plain tokens.
//!
//! Little is rewritten. The `async fn` of a contract becomes a function that returns a future which is
//! `Send`, as only the trait can promise that for all who implement it; a contract and its `impl` get
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
    /// Of a trait. On an `impl` block it is for the compiler to refuse.
    pub(crate) visibility: Visibility,
    /// Which of the three it is.
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

/// What `#[service]` can be on.
pub(crate) enum ItemKind {
    /// `impl Type`: contract, server and client in one.
    Inherent {
        /// The type that the block is for.
        self_type: Type,
    },
    /// `trait Name`: what a service offers, without the service.
    Contract {
        /// Its name.
        name: Ident,
        /// What is behind its colon.
        supertraits: Punctuated<TypeParamBound, Token![+]>,
    },
    /// `impl Name for Type`: a service that keeps a contract.
    Implementation {
        /// The contract.
        contract: Path,
        /// The type that keeps it.
        self_type: Type,
    },
}

/// One thing inside the block.
pub(crate) struct Member {
    /// The attributes without the markers, which are this macro's own.
    pub(crate) attributes: Vec<Attribute>,
    /// The `#[action]` attributes: one on an action, more by mistake.
    pub(crate) actions: Vec<Attribute>,
    /// The `#[health_check]` attributes: one on a health check, more by mistake.
    pub(crate) checks: Vec<Attribute>,
    /// Markers inside of `#[cfg_attr(…)]`, which is a mistake.
    pub(crate) conditional: Vec<Attribute>,
    /// What the member is.
    pub(crate) kind: MemberKind,
}

/// What a member is, as far as this macro wants to know.
pub(crate) enum MemberKind {
    /// A function whose signature was understood.
    Function(Box<Function>),
    /// A function whose signature was not understood, and why.
    Broken(TokenStream, syn::Error),
    /// A constant, a type, a macro call.
    Other(TokenStream),
}

/// A function: its signature is parsed, its body is not.
pub(crate) struct Function {
    visibility: Visibility,
    defaultness: Option<Token![default]>,
    /// From `const` to the `where` clause.
    pub(crate) signature: Signature,
    /// The `{…}` group, or the `;` of a function without a body.
    body: TokenTree,
}

/// Takes an item apart.
///
/// # Errors
///
/// When the item is none of the three kinds, or its head cannot be parsed.
pub(crate) fn item(item: TokenStream) -> syn::Result<Item> {
    Item::parse.parse2(item)
}

impl Item {
    /// The user's item without the markers, with something more at the end of its braces.
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

    /// The head of an inherent block for the same type, under the same conditions and lint levels.
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

/// The head of a trait, up to its `where` clause.
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

/// The head of an `impl` block, up to its `where` clause.
fn impl_head(input: ParseStream<'_>) -> syn::Result<(TokenStream, ItemKind, Generics)> {
    let keyword: Token![impl] = input.parse()?;
    let generics = if starts_generics(input) {
        input.parse()?
    } else {
        Generics::default()
    };
    let first: Type = input.parse()?;
    let kind = if input.parse::<Option<Token![for]>>()?.is_some() {
        // A `macro_rules!` wraps what was put into it.
        let mut contract = first;
        while let Type::Group(group) = contract {
            contract = *group.elem;
        }
        let Type::Path(path) = contract else {
            return Err(syn::Error::new_spanned(
                contract,
                "this is not a contract, which is a trait under `#[service]`: write its name",
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

/// Whether the `<` after `impl` opens generic parameters: in `impl <T as Trait>::Type { … }` it
/// does not.
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
                    let message = format!("this signature cannot be read: {error}");
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

/// The tokens up to the end of a member, and whether it is a function.
///
/// A member ends with a `;`, or with the braces of a function or a macro call. Where that guess is
/// wrong the next member starts in the middle of this one; nothing is lost by it, as both are
/// passed on as they are.
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
    /// The same function with its `async` written out, so that its future can be promised to be
    /// `Send`. A function without one stays as it is.
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

/// Whether an attribute is one of this macro's own, be it inside of a `#[cfg_attr(…)]`.
fn is_marker(attribute: &Attribute) -> bool {
    let is_marker = |path: &Path| is_called("action", path) || is_called("health_check", path);
    if !attribute.path().is_ident("cfg_attr") {
        return is_marker(attribute.path());
    }
    let parts = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    parts.is_ok_and(|parts| parts.iter().skip(1).any(|meta| is_marker(meta.path())))
}

/// Whether this is the path of an attribute of that name, under whatever path the framework is known here.
fn is_called(name: &str, path: &Path) -> bool {
    path.segments
        .last()
        .is_some_and(|segment| segment.ident.unraw() == name)
}

/// The tokens of an item that was not understood, without the markers directly inside its braces.
///
/// Left in, each of them would add its own error to the one that matters.
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
