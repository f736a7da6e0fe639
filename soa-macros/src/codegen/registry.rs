//! `impl Service`: what the service offers, and how a job's action reaches its handler.
//!
//! The descriptor is the client's, which needs no service. Beside it is a table in the same order, whose
//! rows hold a function each, which hands the handler to the runtime together with the action's typed
//! handle.
//!
//! A contract cannot implement `Service` for all who implement the contract (the trait is not its own,
//! E0210). So it keeps both in a constant of its own, and `#[service]` on the `impl` of the contract,
//! which sees nothing of the trait, makes `impl Service` out of that.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, Ident, Type};

use crate::item_attribute;
use crate::lint::registry_lints;
use crate::model::{Action, Check, Implementation, Service};
use crate::span::{shown_at, span_of};

/// The constant of a contract. Where the trait is none, the compiler says that it cannot find this in it,
/// so the name is what should be there.
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
    } = implementation;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let lints = registry_lints();
    let constant = constant(contract.span());
    let own = own_constants(crate_path, checks);
    quote! {
        #[automatically_derived]
        #lints
        impl #impl_generics #crate_path::Service for #self_type #where_clause {
            const DESCRIPTOR: &'static #crate_path::__private::ServiceDescriptor =
                &<Self as #contract>::#constant.descriptor(::core::env!("CARGO_PKG_VERSION"));

            const ACTIONS: &'static [#crate_path::__private::ServiceAction<Self>] =
                <Self as #contract>::#constant.actions;

            #own
        }
    }
}

/// What the crate of the service says, and not its contract.
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

/// The context as the method names it, of the variable `context`.
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

    // The closure has the arguments of every handler; what the handler does not take is dropped
    // there.
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
    // Named where it can be, for the error about one that does not convert to point at it.
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
