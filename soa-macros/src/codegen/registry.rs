//! The registry of a service, `impl Service`: its descriptor, and a table of its handlers.
//!
//! The descriptor is the client's, which needs no service. The table has a row for each action, in the same order: a
//! function that passes the handler and the typed handle of the action to the runtime.
//!
//! A contract cannot implement `Service` for all of its implementations (E0210, as it does not own the trait). So it has
//! both in a hidden constant, and `#[service]` on the `impl` of the contract, which does not see the trait, makes `impl
//! Service` from that.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, Ident, Type};

use super::client;
use crate::item_attribute;
use crate::lint::registry_lints;
use crate::model::{Action, Check, Implementation, Service};
use crate::span::{shown_at, span_of};

/// Returns the name of the hidden constant of a contract. If the trait is not a contract, the compiler reports that it has
/// no constant of this name, so the name says what is missing.
fn constant(span: Span) -> Ident {
    Ident::new("__SERVICE_ATTRIBUTE_ON_THIS_TRAIT", span)
}

pub(super) fn inherent(service: &Service, self_type: &Type, generics: &Generics) -> TokenStream {
    let Service {
        crate_path, client, ..
    } = service;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let lints = registry_lints();
    let rows = rows(service);
    let own = own_constants(crate_path, &service.checks);
    quote! {
        #[automatically_derived]
        #lints
        impl #impl_generics #crate_path::Service for #self_type #where_clause {
            const DESCRIPTOR: &'static #crate_path::__private::ServiceDescriptor =
                <#client as #crate_path::TypedClient>::DESCRIPTOR;

            const ACTIONS: &'static [#crate_path::__private::ServiceAction<Self>] = &[#rows];

            #own
        }
    }
}

pub(super) fn contract(service: &Service) -> TokenStream {
    let Service {
        crate_path,
        client,
        has_version,
        ..
    } = service;
    let lints = registry_lints();
    let rows = rows(service);
    let constant = constant(Span::call_site());
    quote! {
        #[doc(hidden)]
        #lints
        const #constant: #crate_path::__private::Contract<Self> = #crate_path::__private::Contract {
            descriptor: <#client as #crate_path::TypedClient>::DESCRIPTOR,
            has_version: #has_version,
            actions: &[#rows],
        };
    }
}

pub(super) fn implementation(implementation: &Implementation) -> TokenStream {
    let Implementation {
        crate_path,
        contract,
        self_type,
        generics,
        checks,
        calls,
    } = implementation;
    let calls = client::calling(calls);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let lints = registry_lints();
    let constant = constant(contract.span());
    let own = own_constants(crate_path, checks);
    quote! {
        #[automatically_derived]
        #lints
        impl #impl_generics #crate_path::Service for #self_type #where_clause {
            const DESCRIPTOR: &'static #crate_path::__private::ServiceDescriptor =
                &<Self as #contract>::#constant.descriptor(::core::env!("CARGO_PKG_VERSION")) #calls;

            const ACTIONS: &'static [#crate_path::__private::ServiceAction<Self>] =
                <Self as #contract>::#constant.actions;

            #own
        }
    }
}

/// Generates the constants that a contract does not have: the build, and the health checks.
fn own_constants(crate_path: &TokenStream, checks: &[Check]) -> TokenStream {
    let checks = (!checks.is_empty()).then(|| {
        let checks = checks.iter().map(|check| self::check(crate_path, check));
        quote! {
            const HEALTH_CHECKS: &'static [#crate_path::__private::ServiceHealthCheck<Self>] =
                &[#(#checks),*];
        }
    });
    quote! {
        const BUILD: ::core::option::Option<&'static str> = ::core::option_env!("SOA_BUILD");

        #checks
    }
}

fn check(crate_path: &TokenStream, check: &Check) -> TokenStream {
    let Check {
        name,
        method,
        output,
        ..
    } = check;
    let crate_path = shown_at(crate_path, method);
    let span = span_of(method);
    let conditions = item_attribute::tokens(&check.conditions);
    let output = output
        .as_ref()
        .map_or_else(|| quote_spanned!(span=> _), |output| quote!(#output));
    let pattern = match check.context {
        Some(_) => quote_spanned!(span=> context),
        None => quote_spanned!(span=> _),
    };
    let context = check.context.as_ref().map(|ty| context(&crate_path, ty));
    let limits = [
        ("cached", check.cached),
        ("slow_after", check.slow_after),
        ("timeout", check.timeout),
        ("fail_if_slower_than", check.fail_if_slower_than),
    ];
    let limits = limits.into_iter().filter_map(|(limit, time)| {
        let limit = Ident::new(limit, span);
        time.map(|time| quote!(.#limit(#time)))
    });
    quote_spanned! {span=>
        #conditions
        #crate_path::__private::ServiceHealthCheck::new(#name, |service, #pattern| {
            #crate_path::__private::health(async move {
                #crate_path::__private::into_health::<#output>(Self::#method(&service, #context).await)
            })
        })
        #(#limits)*
    }
}

/// Converts the variable `context` into the type that the method takes.
fn context(crate_path: &TokenStream, ty: &Type) -> TokenStream {
    let span = Span::mixed_site().located_at(ty.span());
    quote_spanned!(span=> #crate_path::__private::context::<#ty>(&context))
}

fn rows(service: &Service) -> TokenStream {
    let rows = service.sound_actions().map(|action| row(service, action));
    quote!(#(#rows),*)
}

fn row(service: &Service, action: &Action) -> TokenStream {
    let Action {
        method, constant, ..
    } = action;
    let client = &service.client;
    let crate_path = shown_at(&service.crate_path, method);
    let span = span_of(method);
    let conditions = item_attribute::tokens(&action.conditions);

    // The closure takes both arguments, whichever of them the handler takes.
    let request_pattern = match action.request {
        Some(_) => quote_spanned!(span=> request),
        None => quote_spanned!(span=> ()),
    };
    let request = action.request.as_ref().map(|ty| {
        let span = Span::mixed_site().located_at(ty.span());
        quote_spanned!(span=> request,)
    });
    let context_pattern = match action.context {
        Some(_) => quote_spanned!(span=> context),
        None => quote_spanned!(span=> _),
    };
    let context = action.context.as_ref().map(|ty| context(&crate_path, ty));
    // An error about a type that does not convert is shown at the type, if the signature names it.
    let error = action.error.as_ref().map_or_else(
        || {
            let span = Span::mixed_site().located_at(action.response.span());
            quote_spanned!(span=> _)
        },
        |error| quote!(#error),
    );
    let arguments = quote_spanned!(span=> #request_pattern, #context_pattern);
    let invoke = quote_spanned!(span=> Self::#method(&service, #request #context));
    let (run, handler) = if action.blocking {
        let run = quote_spanned!(span=> run_blocking::<_, _, #error, _>);
        (run, quote_spanned!(span=> move |#arguments| #invoke))
    } else {
        let run = quote_spanned!(span=> run::<_, _, #error, _, _>);
        (
            run,
            quote_spanned!(span=> move |#arguments| async move { #invoke.await }),
        )
    };
    let timeout = action.timeout.map(|time| quote!(.timeout(#time)));
    quote_spanned! {span=>
        #conditions
        #crate_path::__private::ServiceAction::new(#client::#constant, |service, call| {
            #crate_path::__private::#run(#client::#constant, call, #handler)
        })
        #timeout
    }
}
