//! From the model to code.
//!
//! A service has two parts: the registry (`impl Service`, or a constant of the contract, from which the `impl` of the
//! contract makes it) and the client, with comparisons of types that are written twice. All of it is thin: one line per
//! action in each, as decoding, validation, encoding and sending are in the runtime.
//!
//! Generated code names only paths below the framework's and `::core`, so that it compiles whatever
//! is in scope. Types of the user are repeated with the user's spans, so that errors about them
//! point there. Other code of an action has the span of its method's name, so that an
//! error in it (a future that is not `Send`) is shown at the action and not at the service. Local
//! variables are hygienic.

mod client;
mod comparison;
mod declared;
mod names;
mod registry;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Implementation, Service, ServiceForm};

/// The code that is generated for an item.
#[derive(Default)]
pub(crate) struct Generated {
    /// Code inside the item, behind its members.
    pub(crate) inside: TokenStream,
    /// Code behind the item.
    pub(crate) beside: TokenStream,
}

/// Generates the code for a service or a contract.
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

/// Generates the code for the `impl` of a contract.
pub(crate) fn implementation(implementation: &Implementation) -> Generated {
    Generated {
        inside: TokenStream::new(),
        beside: registry::implementation(implementation),
    }
}
