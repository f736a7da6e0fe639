//! The typed client: for each action a constant, its handle, and a method that calls it.
//!
//! The handle is where the types of an action meet the bounds that they must satisfy. It is made by
//! a free function with both types as its own parameters: about an associated function the compiler
//! would complain at the whole attribute, about this one it does at the user's type. The client
//! itself has no parameters, whatever the service has: its type is named after the service's.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::comparison;
use crate::argument::Switch;
use crate::item_attribute;
use crate::lint::{client_type_lints, generated_code_lints};
use crate::model::{Action, Declared, Service, Soundness};
use crate::span::{shown_at, span_of};

pub(super) fn expand(service: &Service) -> TokenStream {
    let Service {
        crate_path,
        name,
        display_name,
        version,
        documentation,
        client,
        visibility,
        ..
    } = service;
    let attributes = item_attribute::tokens(&service.attributes);
    let summary = format!(" The typed client of the service `{display_name}`.");
    // The user's documentation follows as a paragraph of its own.
    let break_line = service.documentation.is_some().then(|| quote!(#[doc = ""]));
    let documentation = text(documentation.as_ref());
    let type_lints = client_type_lints();
    let lints = generated_code_lints();
    let constants = service
        .actions
        .iter()
        .filter(|action| action.soundness != Soundness::MethodOnly)
        .map(|action| constant(service, action));
    let mut actions = service.actions.iter();
    let has_deprecated = actions.any(|action| action.deprecated.is_some());
    let deprecated_handles = has_deprecated.then(|| quote!(#[allow(deprecated)]));
    let descriptors = service.sound_actions().map(descriptor);
    let methods = service.actions.iter().map(|action| method(service, action));
    quote! {
        #[doc = #summary]
        #break_line
        #attributes
        #type_lints
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #visibility struct #client {
            service: #crate_path::__private::ServiceClient,
        }

        #[automatically_derived]
        #lints
        impl #client {
            #(#constants)*

            /// A client that finds the service under its own name.
            #[must_use]
            pub fn new(client: &#crate_path::Client) -> Self {
                Self { service: #crate_path::__private::ServiceClient::new(client, #name) }
            }

            /// A client that finds the service under another name, as the one that it runs under
            /// was set at run time.
            #[must_use]
            pub fn named(
                client: &#crate_path::Client,
                service: impl ::core::convert::Into<#crate_path::__private::Name>,
            ) -> Self {
                Self { service: #crate_path::__private::ServiceClient::new(client, service) }
            }

            /// A client of a service inside this process, without any transport.
            #[must_use]
            pub fn local(server: impl #crate_path::IntoServer) -> Self {
                Self { service: #crate_path::__private::ServiceClient::local(server, #name) }
            }

            /// A client whose calls are answered by a stub, for tests.
            #[must_use]
            pub fn stubbed(stub: #crate_path::testing::Stub) -> Self {
                Self { service: #crate_path::__private::ServiceClient::stubbed(stub, #name) }
            }

            #(#methods)*
        }

        #[automatically_derived]
        #deprecated_handles
        impl #crate_path::TypedClient for #client {
            const DESCRIPTOR: &'static #crate_path::__private::ServiceDescriptor =
                &#crate_path::__private::ServiceDescriptor::new(
                    #name,
                    #version,
                    #documentation,
                    &[#(#descriptors),*],
                );

            fn from_service_client(client: #crate_path::__private::ServiceClient) -> Self {
                Self { service: client }
            }
        }
    }
}

fn request_type(action: &Action) -> TokenStream {
    action
        .request
        .as_ref()
        .map_or_else(|| quote!(()), |request| quote!(#request))
}

fn constant(service: &Service, action: &Action) -> TokenStream {
    let crate_path = &service.crate_path;
    let Action {
        name,
        display_name,
        constant,
        response,
        ..
    } = action;
    let span = span_of(&action.method);
    let conditions = item_attribute::tokens(&action.conditions);
    let attributes = item_attribute::tokens(&action.attributes);
    let request = request_type(action);
    let summary = format!(" The handle of the action `{display_name}`.");
    let path = shown_at(crate_path, &action.method);
    let variant = variant(service, action);
    let declared = declared(crate_path, action);
    let handle = quote_spanned!(span=> #path::__private::action::<#request, #response>(#name)#variant #declared);
    quote! {
        #[doc = #summary]
        #conditions
        #attributes
        pub const #constant: #crate_path::Action<#request, #response> = #handle;
    }
}

/// Which variant of its action a handle is of, where there are several.
fn variant(service: &Service, action: &Action) -> Option<TokenStream> {
    let crate_path = &service.crate_path;
    let same_name = |other: &&Action| other.display_name == action.display_name;
    let family: Vec<&Action> = service.sound_actions().filter(same_name).collect();
    if family.iter().all(|other| other.switch.is_none()) {
        return None;
    }
    let switch_of = |other: &Action| match &other.switch {
        Some(Switch::Constant(path)) => quote!(::core::option::Option::Some(#path)),
        Some(Switch::Number(number)) => {
            quote!(::core::option::Option::Some(#crate_path::__private::Switch::new(#number)))
        }
        None => quote!(::core::option::Option::None),
    };
    let switch = switch_of(action);
    let family = family.into_iter().map(|other| {
        let conditions = item_attribute::tokens(&other.conditions);
        let switch = switch_of(other);
        quote!(#conditions #switch)
    });
    // A constant that cannot be its switch is an error in here.
    let span = action.switch.as_ref().map(Switch::tokens).span();
    let span = Span::mixed_site().located_at(span);
    Some(quote_spanned! {span=>
        .variant(&#crate_path::__private::Variant { switch: #switch, family: &[#(#family),*] })
    })
}

/// What the action declares, where it declares something.
fn declared(crate_path: &TokenStream, action: &Action) -> Option<TokenStream> {
    let Declared {
        requires,
        idempotent,
        cache,
    } = &action.declared;
    let requires = (!requires.is_empty()).then(|| quote!(.requires(&[#(#requires),*])));
    let idempotent = idempotent.then(|| quote!(.idempotent()));
    let cache = cache.map(|time| quote!(.cache(#time)));
    if requires.is_none() && idempotent.is_none() && cache.is_none() {
        return None;
    }
    Some(quote! {
        .declared(&#crate_path::__private::Declared::new()#requires #idempotent #cache)
    })
}

/// A documentation as the runtime takes it, where an empty one is none.
fn text(documentation: Option<&TokenStream>) -> TokenStream {
    documentation.map_or_else(|| quote!(""), TokenStream::clone)
}

fn descriptor(action: &Action) -> TokenStream {
    let Action {
        constant,
        documentation,
        ..
    } = action;
    let documentation = text(documentation.as_ref());
    let conditions = item_attribute::tokens(&action.conditions);
    let deprecated = action.deprecated.as_ref();
    let deprecated = deprecated.map(|deprecated| quote!(.deprecated(#deprecated)));
    quote!(#conditions Self::#constant.describe(#documentation) #deprecated)
}

fn method(service: &Service, action: &Action) -> TokenStream {
    let crate_path = &service.crate_path;
    let Action {
        display_name,
        method,
        constant,
        response,
        ..
    } = action;
    let conditions = item_attribute::tokens(&action.conditions);
    let attributes = item_attribute::tokens(&action.attributes);
    let documentation = item_attribute::tokens(&action.doc_attributes);
    // Always something, as the user's own crate may insist on documentation for all that is public.
    let summary = action.documentation.is_none().then(|| {
        let summary = format!(" Calls the action `{display_name}`.");
        quote!(#[doc = #summary])
    });
    let (argument, request) = match &action.request {
        Some(ty) => (Some(quote!(request: #ty)), quote!(request)),
        None => (None, quote!(())),
    };
    let comparisons = comparison::expand(&action.comparisons);
    let body = match action.soundness {
        // It stands beside an error, so nothing that is built has it.
        Soundness::MethodOnly => quote! {
            #comparisons
            let _ = #request;
            ::core::unreachable!()
        },
        _ => quote! {
            #comparisons
            self.service.call(Self::#constant, #request)
        },
    };
    quote! {
        #summary
        #documentation
        #conditions
        #attributes
        pub fn #method(&self, #argument) -> #crate_path::Call<#response> {
            #body
        }
    }
}
