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

mod client;
mod comparison;
mod registry;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Implementation, Service, ServiceForm};

/// What is generated for an item.
#[derive(Default)]
pub(crate) struct Generated {
    /// Goes inside the item, behind its members.
    pub(crate) inside: TokenStream,
    /// Goes behind the item.
    pub(crate) beside: TokenStream,
}

/// All that is generated for a service or a contract.
pub(crate) fn service(service: &Service) -> Generated {
    let client = client::expand(service);
    match &service.form {
        ServiceForm::Contract => Generated {
            inside: registry::contract(service),
            beside: client,
        },
        ServiceForm::Inherent {
            self_type,
            generics,
        } => {
            let registry = registry::inherent(service, self_type, generics);
            Generated {
                inside: TokenStream::new(),
                beside: quote!(#registry #client),
            }
        }
    }
}

/// All that is generated for the `impl` of a contract.
pub(crate) fn implementation(implementation: &Implementation) -> Generated {
    Generated {
        inside: TokenStream::new(),
        beside: registry::implementation(implementation),
    }
}
