//! The typed client: for each action a constant, its handle, and a method that calls it.
//!
//! The handle checks the bounds on the types of an action. It is made by
//! a free function with both types as its own parameters: an error about the bounds of an associated function would be
//! shown at the whole attribute, this one is shown at the user's type. The client
//! itself has no parameters, also if the service is generic.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Ident, LitStr, Type};

use super::{comparison, declared, names};
use crate::argument::Switch;
use crate::item_attribute;
use crate::lint::{client_type_lints, generated_code_lints};
use crate::model::{Action, Service, ServiceForm, Soundness};
use crate::span::{shown_at, span_of};

/// Generates the type of the client, its methods, and its descriptor.
pub(super) fn expand(service: &Service) -> TokenStream {
    let Service {
        crate_path,
        name,
        display_name,
        version,
        documentation,
        client,
        visibility,
        type_name,
        calls,
        ..
    } = service;
    let rest = service.rest.as_ref().map(|rest| quote!(.with_rest(#rest)));
    let package = service.package.as_ref();
    let package = package.map(|package| quote!(.with_package(#package)));
    let component = service.component.as_ref();
    let component = component.map(|component| quote!(.with_component(#component)));
    let calls = calling(calls);
    let attributes = item_attribute::tokens(&service.attributes);
    let summary = format!(" The typed client of the service `{display_name}`.");
    // The user's documentation is a paragraph of its own.
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
    let actions = service.sound_actions();
    let descriptors = actions.map(|action| descriptor(service, action));
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

            /// Creates a client that finds the service under its own name.
            #[must_use]
            pub fn new(client: &#crate_path::Client) -> Self {
                <Self as #crate_path::TypedClient>::new(client)
            }

            /// Creates a client that finds the service under another name, one that was set at run time.
            #[must_use]
            pub fn named(
                client: &#crate_path::Client,
                service: impl ::core::convert::Into<#crate_path::__private::Name>,
            ) -> Self {
                let service = #crate_path::__private::ServiceClient::new(client, service);
                Self { service: service.described(<Self as #crate_path::TypedClient>::DESCRIPTOR) }
            }

            /// Creates a client of a service in this process, without a transport.
            #[must_use]
            pub fn local(server: impl #crate_path::IntoServer) -> Self {
                Self { service: #crate_path::__private::ServiceClient::local(server, #name) }
            }

            /// Creates a client whose calls are answered by a stub, for tests.
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
                )
                .with_type_name(#type_name)
                #rest
                #package
                #component
                #calls;

            fn from_service_client(client: #crate_path::__private::ServiceClient) -> Self {
                Self { service: client }
            }
        }
    }
}

/// Generates the part of a descriptor that has the services which the handlers call.
pub(super) fn calling(calls: &[LitStr]) -> Option<TokenStream> {
    (!calls.is_empty()).then(|| quote!(.calling(&[#(#calls),*])))
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
    let declared = declared::expand(crate_path, &action.declared);
    // Found by name, in this scope: a constant of the type if it is a body, or else one of the trait.
    let rules = |ty: &TokenStream| quote!(#crate_path::__private::Known::<#ty>::RULES);
    let (request_rules, response_rules) = (rules(&request), rules(&quote!(#response)));
    let handle = quote_spanned! {span=>
        #path::__private::action::<#request, #response>(#name)
            .with_rules(#request_rules, #response_rules)
            #variant #declared
    };
    quote! {
        #[doc = #summary]
        #conditions
        #attributes
        pub const #constant: #crate_path::Action<#request, #response> = {
            use #crate_path::__private::NoRules as _;
            #handle
        };
    }
}

/// Generates the variant of a handle, if the action has several.
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
    // An error about the constant of the switch is shown at the constant.
    let span = action.switch.as_ref().map(Switch::tokens).span();
    let span = Span::mixed_site().located_at(span);
    Some(quote_spanned! {span=>
        .variant(&#crate_path::__private::Variant { switch: #switch, family: &[#(#family),*] })
    })
}

/// Returns the documentation as the runtime expects it: empty if there is none.
fn text(documentation: Option<&TokenStream>) -> TokenStream {
    documentation.map_or_else(|| quote!(""), TokenStream::clone)
}

/// Generates the errors of an action's descriptor, if the signature names a type of errors of the service's own. The client
/// is outside of the item, so the type must not refer to what only that knows: its `Self`, its parameters.
fn errors(service: &Service, action: &Action) -> Option<TokenStream> {
    let error = action.error.as_ref()?;
    if let Type::Path(path) = error
        && let Some(last) = path.path.segments.last()
        && last.ident == "ActionError"
    {
        return None;
    }
    let parameters: Vec<&Ident> = match &service.form {
        ServiceForm::Inherent { generics, .. } => {
            let types = generics.type_params().map(|parameter| &parameter.ident);
            types
                .chain(generics.const_params().map(|parameter| &parameter.ident))
                .chain(
                    generics
                        .lifetimes()
                        .map(|parameter| &parameter.lifetime.ident),
                )
                .collect()
        }
        ServiceForm::Contract => Vec::new(),
    };
    if names_any(quote!(#error), &parameters) {
        return None;
    }
    let crate_path = shown_at(&service.crate_path, &action.method);
    let errors = Ident::new("ERRORS", Span::mixed_site());
    Some(quote! {
        .errors({
            #[allow(deprecated, unused_imports)]
            const #errors: &[#crate_path::__private::ErrorDescriptor] = {
                use #crate_path::__private::Unspecified as _;
                #crate_path::__private::Known::<#error>::ERRORS
            };
            #errors
        })
    })
}

/// Returns true if tokens have one of these names, or `Self`.
fn names_any(tokens: TokenStream, names: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self" || names.contains(&&ident),
        TokenTree::Group(group) => names_any(group.stream(), names),
        _ => false,
    })
}

fn descriptor(service: &Service, action: &Action) -> TokenStream {
    let Action {
        constant,
        documentation,
        ..
    } = action;
    let documentation = text(documentation.as_ref());
    let conditions = item_attribute::tokens(&action.conditions);
    let deprecated = action.deprecated.as_ref();
    let deprecated = deprecated.map(|deprecated| quote!(.deprecated(#deprecated)));
    let timeout = action.timeout.map(|time| quote!(.timeout(#time)));
    let errors = errors(service, action);
    quote!(#conditions Self::#constant.describe(#documentation) #deprecated #timeout #errors)
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
    // The user's crate may deny missing documentation.
    let summary = action.documentation.is_none().then(|| {
        let summary = format!(" Calls the action `{display_name}`.");
        quote!(#[doc = #summary])
    });
    let (argument, request) = match &action.request {
        Some(ty) => (Some(quote!(request: #ty)), quote!(request)),
        None => (None, quote!(())),
    };
    let comparisons = comparison::expand(&action.comparisons);
    let names = names::expand(service, action);
    let body = match action.soundness {
        // There is a compile error beside it, so it is never run.
        Soundness::MethodOnly => quote! {
            #comparisons
            let _ = #request;
            ::core::unreachable!()
        },
        _ => quote! {
            #comparisons
            #names
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
