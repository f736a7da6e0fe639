//! From the model to code: `impl Expand`, which visits the expanded fields.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned as _;

use super::model::{ExpandedField, ExpandedType, ObjectSource};
use crate::item_attribute;
use crate::lint::generated_code_lints;
use crate::span::{shown_at, span_of};

pub(super) fn expand(item: &ExpandedType) -> TokenStream {
    let ExpandedType {
        crate_path,
        name,
        generics,
        fields,
    } = item;
    let mut generics = generics.clone();
    let has_parameters = generics.type_params().next().is_some();
    for field in fields.iter().filter(|field| field.object.is_none()) {
        if has_parameters {
            let ty = &field.ty;
            let bound = syn::parse_quote!(#ty: #crate_path::Expand);
            generics.make_where_clause().predicates.push(bound);
        }
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let lints = generated_code_lints();
    let visits = fields.iter().map(|field| visit(crate_path, field));
    let own = Ident::new("own", Span::mixed_site());
    let visit = Ident::new("visit", Span::mixed_site());
    quote! {
        #[automatically_derived]
        #lints
        impl #impl_generics #crate_path::Expand for #name #ty_generics #where_clause {
            fn visit_expansions(&mut self, #visit: &mut #crate_path::__private::Visit) {
                let #own = self;
                #(#visits)*
            }
        }
    }
}

fn visit(crate_path: &TokenStream, field: &ExpandedField) -> TokenStream {
    let ExpandedField {
        field,
        ty,
        conditions,
        object,
    } = field;
    let conditions = item_attribute::tokens(conditions);
    let Some(object) = object else {
        let span = Span::mixed_site().located_at(ty.span());
        let call = quote_spanned! {span=>
            <#ty as #crate_path::Expand>::visit_expansions(&mut own.#field, visit);
        };
        return quote!(#conditions #call);
    };
    let ObjectSource {
        source,
        client,
        handle,
        request,
        ids,
        found,
        text,
        raises,
        nested,
    } = object;
    let span = span_of(field);
    let method = if *nested {
        quote_spanned!(span=> nested_object)
    } else {
        quote_spanned!(span=> object)
    };
    let raising = raises.then(|| quote_spanned!(span_of(found)=> .raising()));
    let service = quote_spanned!(Span::mixed_site().located_at(client.span())=>
        <#client as #crate_path::TypedClient>::DESCRIPTOR.name()
    );
    let from = quote_spanned!(span_of(source)=> &own.#source);
    // Errors about the objects, or about their identifiers, are shown at the name of their map.
    let finder_path = shown_at(crate_path, found);
    let finder = quote_spanned! {span_of(found)=>
        #finder_path::__private::Finder::new(
            #service,
            #handle,
            #text,
            |#ids| #request,
            |response| response.#found,
        ) #raising
    };
    quote_spanned! {span=>
        #conditions
        visit.#method(#finder, #from, &mut own.#field);
    }
}
