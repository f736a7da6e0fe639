//! The user's item, taken apart without looking into it.
//!
//! An `impl` block is its head (attributes, generics, type) and a list of members. A member is its
//! attributes, for a function the signature, and the rest: tokens that are passed on untouched. A
//! function's body is one `{…}` group and is never parsed, so an expression that the user has typed
//! half of is for the compiler to report, not for this macro to choke on. A member that cannot be
//! understood at all is kept as raw tokens, for the same reason.
//!
//! Whatever is taken apart can be put together again: [`ImplPart::into_tokens`] gives the user's
//! item without the `#[action]` attributes, which are this macro's own. When even the head is not
//! understood, [`without_action_attributes`] does that on plain tokens.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Attribute, Generics, Ident, Lifetime, Signature, Token, Type, Visibility, token};

/// An inherent `impl` block.
pub(crate) struct ImplPart {
    /// Outer attributes, doc comments among them.
    pub(crate) attributes: Vec<Attribute>,
    unsafety: Option<Token![unsafe]>,
    impl_token: Token![impl],
    /// The parameters and the `where` clause.
    pub(crate) generics: Generics,
    /// The type that the block is for.
    pub(crate) self_type: Type,
    brace: token::Brace,
    inner_attributes: Vec<Attribute>,
    /// Everything between the braces, in order.
    pub(crate) members: Vec<Member>,
}

/// One thing inside the block.
pub(crate) struct Member {
    /// The attributes without `#[action]`.
    pub(crate) attributes: Vec<Attribute>,
    /// The `#[action]` attributes: one on an action, more by mistake.
    pub(crate) actions: Vec<Attribute>,
    /// What the member is.
    pub(crate) kind: MemberKind,
}

/// What a member is, as far as this macro wants to know.
pub(crate) enum MemberKind {
    /// A function whose signature was understood.
    Function(Box<FnPart>),
    /// A function whose signature was not understood, and why.
    Broken(TokenStream, syn::Error),
    /// A constant, a type, a macro call.
    Other(TokenStream),
}

/// A function: its signature is parsed, its body is not.
pub(crate) struct FnPart {
    visibility: Visibility,
    defaultness: Option<Token![default]>,
    /// From `const` to the `where` clause.
    pub(crate) signature: Signature,
    /// The `{…}` group, or the `;` of a function without a body.
    body: TokenTree,
}

/// Takes an inherent `impl` block apart.
///
/// # Errors
///
/// When the item is something else, or its head cannot be parsed.
pub(crate) fn impl_part(item: TokenStream) -> syn::Result<ImplPart> {
    ImplPart::parse.parse2(item)
}

impl ImplPart {
    /// The user's item without the `#[action]` attributes.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let Self {
            attributes,
            unsafety,
            impl_token,
            generics,
            self_type,
            brace,
            inner_attributes,
            members,
        } = self;
        let where_clause = &generics.where_clause;
        let mut output =
            quote!(#(#attributes)* #unsafety #impl_token #generics #self_type #where_clause);
        brace.surround(&mut output, |content| {
            for attribute in inner_attributes {
                attribute.to_tokens(content);
            }
            for member in members {
                member.write(content);
            }
        });
        output
    }
}

impl Parse for ImplPart {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let item = input.fork();
        input.parse::<Visibility>()?;
        let unsafety: Option<Token![unsafe]> = input.parse()?;
        if input.peek(Token![trait]) {
            return Err(input.error(
                "`#[service]` on a trait is not supported yet: put it on the inherent `impl` block of the service's type",
            ));
        }
        if !input.peek(Token![impl]) {
            return Err(syn::Error::new_spanned(
                item.parse::<TokenStream>()?,
                "`#[service]` goes on an inherent `impl` block: write `#[service(…)] impl MyService { … }`",
            ));
        }
        let impl_token = input.parse()?;
        let mut generics = if starts_generics(input) {
            input.parse()?
        } else {
            Generics::default()
        };
        let self_type: Type = input.parse()?;
        if input.peek(Token![for]) {
            return Err(syn::Error::new_spanned(
                self_type,
                "`#[service]` on the `impl` of a trait is not supported yet: put it on the inherent `impl` block of the service's type",
            ));
        }
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
            unsafety,
            impl_token,
            generics,
            self_type,
            brace,
            inner_attributes,
            members,
        })
    }
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
        let (actions, attributes) = attributes.into_iter().partition(is_action);
        let ahead = input.fork();
        let kind = match ahead.parse::<FnPart>() {
            Ok(function) => {
                input.advance_to(&ahead);
                MemberKind::Function(Box::new(function))
            }
            Err(error) => {
                let (tokens, is_function) = raw_member(input)?;
                if is_function {
                    MemberKind::Broken(tokens, error)
                } else {
                    MemberKind::Other(tokens)
                }
            }
        };
        Ok(Self {
            attributes,
            actions,
            kind,
        })
    }
}

impl Parse for FnPart {
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
    fn write(self, output: &mut TokenStream) {
        if !self.actions.is_empty() {
            output.extend(handler_lints());
        }
        for attribute in self.attributes {
            attribute.to_tokens(output);
        }
        match self.kind {
            MemberKind::Function(function) => {
                let FnPart {
                    visibility,
                    defaultness,
                    signature,
                    body,
                } = *function;
                output.extend(quote!(#visibility #defaultness #signature #body));
            }
            MemberKind::Broken(tokens, _) | MemberKind::Other(tokens) => output.extend(tokens),
        }
    }
}

/// The lints that object to what the signature of a handler has to be, whether its body makes use
/// of it or not.
///
/// They come before the attributes of the user, who can so raise them again.
pub(crate) fn handler_lints() -> TokenStream {
    quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self,
        )]
    }
}

/// Whether an attribute is `#[action]`, under whatever path the framework is known here.
fn is_action(attribute: &Attribute) -> bool {
    attribute
        .path()
        .segments
        .last()
        .is_some_and(|segment| segment.ident.unraw() == "action")
}

/// The tokens of an item that was not understood, without the `#[action]` attributes directly
/// inside its braces.
///
/// Left in, each of them would add its own error to the one that matters.
pub(crate) fn without_action_attributes(item: TokenStream) -> TokenStream {
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
                attribute.is_ok_and(|attributes| attributes.iter().all(is_action))
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
