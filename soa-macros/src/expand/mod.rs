//! From the model to code.
//!
//! For a service there are three pieces: the registry (`impl Service`, or a constant of the contract,
//! from which `impl Service` is made where the contract is implemented), the client, and the
//! comparisons of types that were written twice. All of it is thin: one line per action in each, as
//! everything that decodes, validates, encodes and sends lives in the runtime.
//!
//! Generated code names only paths below the framework's and `::core`, so that it compiles whatever
//! is in scope. A type of the user's is repeated with the user's spans, for errors about it to
//! point there; what belongs to an action otherwise has the span of its method's name, so that an
//! error in it (a future that is not `Send`) shows up at the action and not at the service. Local
//! variables are hygienic.

mod checks;
mod client;
mod registry;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use crate::model::{Home, Implementation, Service};

/// What is generated for an item.
#[derive(Default)]
pub(crate) struct Expansion {
    /// Goes inside the item, behind its members.
    pub(crate) inside: TokenStream,
    /// Goes behind the item.
    pub(crate) beside: TokenStream,
}

/// All that is generated for a service or a contract.
pub(crate) fn service(service: &Service) -> Expansion {
    let client = client::expand(service);
    let checks = checks::expand(service);
    match &service.home {
        Home::Contract => Expansion {
            inside: registry::contract(service),
            beside: quote!(#client #checks),
        },
        Home::Inherent {
            self_type,
            generics,
        } => {
            let registry = registry::inherent(service, self_type, generics);
            Expansion {
                inside: TokenStream::new(),
                beside: quote!(#registry #client #checks),
            }
        }
    }
}

/// All that is generated for the `impl` of a contract.
pub(crate) fn implementation(implementation: &Implementation) -> Expansion {
    Expansion {
        inside: TokenStream::new(),
        beside: registry::implementation(implementation),
    }
}

/// The lints that generated code does not answer to.
///
/// Style is not the user's to fix here, nor to hear of twice; a client need not be used where it is
/// generated; a link in the documentation of a handler may lead nowhere from the client; a deprecated action is still served; the types of an action may be less visible than the
/// client; and what a service has to be is written down as a bound that has no parameters.
pub(crate) fn lints() -> TokenStream {
    quote! {
        #[allow(
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            dead_code,
            deprecated,
            nonstandard_style,
            private_interfaces,
            rustdoc::broken_intra_doc_links,
            rustdoc::private_intra_doc_links,
            trivial_bounds,
            unreachable_pub,
        )]
    }
}

/// Where errors in code that belongs to `ident` show up, and its local variables still do not mix
/// with the user's.
pub(crate) fn span_of(ident: &Ident) -> Span {
    Span::mixed_site().located_at(ident.span())
}

/// The same tokens, found by the same rules, but shown at `ident`: for the path that an error about
/// an action starts with.
pub(crate) fn shown_at(tokens: &TokenStream, ident: &Ident) -> TokenStream {
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(ident.span()));
            token
        })
        .collect()
}
