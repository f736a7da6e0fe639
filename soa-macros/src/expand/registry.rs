//! `impl Service`: what the service offers, and how a job's action reaches its handler.
//!
//! Two tables in the same order. The descriptors are plain data, for introspection; the rows of the
//! other table hold a function each, which hands the handler to the runtime together with the
//! action's typed handle.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::{lints, shown_at, span_of};
use crate::carry;
use crate::model::{Action, Service};

pub(super) fn expand(service: &Service) -> TokenStream {
    let Service {
        crate_path,
        name,
        version,
        documentation,
        self_type,
        generics,
        ..
    } = service;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let lints = lints();
    let callable = || service.actions.iter().filter(|action| action.callable);
    let descriptors = callable().map(|action| descriptor(service, action));
    let rows = callable().map(|action| row(service, action));
    quote! {
        #[automatically_derived]
        #lints
        impl #impl_generics #crate_path::Service for #self_type #where_clause {
            const DESCRIPTOR: &'static #crate_path::__private::ServiceDescriptor =
                &#crate_path::__private::ServiceDescriptor::new(
                    #name,
                    #version,
                    #documentation,
                    &[#(#descriptors),*],
                );

            const ACTIONS: &'static [#crate_path::__private::ServiceAction<Self>] = &[#(#rows),*];
        }
    }
}

fn descriptor(service: &Service, action: &Action) -> TokenStream {
    let Action {
        constant,
        documentation,
        ..
    } = action;
    let client = &service.client;
    let conditions = carry::tokens(&action.conditions);
    let deprecated = action.deprecated.then(|| quote!(.deprecated()));
    quote!(#conditions #client::#constant.describe(#documentation) #deprecated)
}

fn row(service: &Service, action: &Action) -> TokenStream {
    let Action {
        name,
        method,
        constant,
        ..
    } = action;
    let client = &service.client;
    let crate_path = shown_at(&service.crate_path, method);
    let span = span_of(method);
    let conditions = carry::tokens(&action.conditions);

    // The closure has the arguments of every handler; what the handler does not take is dropped
    // there.
    let request_pattern = match action.request {
        Some(_) => quote_spanned!(span=> request),
        None => quote_spanned!(span=> ()),
    };
    let request = action.request.as_ref().map(|ty| {
        let span = proc_macro2::Span::mixed_site().located_at(ty.span());
        quote_spanned!(span=> request,)
    });
    let context_pattern = match action.context {
        Some(_) => quote_spanned!(span=> context),
        None => quote_spanned!(span=> _),
    };
    let context = action.context.as_ref().map(|ty| {
        let span = proc_macro2::Span::mixed_site().located_at(ty.span());
        quote_spanned!(span=> &context)
    });
    // Named where it can be, for the error about one that does not convert to point at it.
    let error = action
        .error
        .as_ref()
        .map_or_else(|| quote!(_), |error| quote!(#error));
    let run = quote_spanned!(span=> #crate_path::__private::run::<_, _, #error, _, _>);
    quote_spanned! {span=>
        #conditions
        #crate_path::__private::ServiceAction::new(#name, |service, call| {
            #run(#client::#constant, call, move |#request_pattern, #context_pattern| async move {
                Self::#method(&service, #request #context).await
            })
        })
    }
}
