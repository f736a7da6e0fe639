//! From the model to code: the trait. The framework converts all types that have it, which lets a handler's `?` work.
//!
//! Generated code names nothing but the framework and `core`. Its only local variables are the user's fields, which the
//! texts refer to in braces. Each field has a constant that converts it, with the span of the field's type, so that a type
//! that cannot be converted is one error.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use super::model::{Enumeration, KnownError, Text, Variable};
use crate::lint::generated_code_lints;

/// Generates the code for a valid enum.
pub(super) fn errors(model: &Enumeration) -> TokenStream {
    let krate = &model.crate_path;
    let error = Ident::new("error", Span::mixed_site());
    let codes = model.errors.iter().map(|known| &known.code);
    let reads = model.errors.iter().map(|known| from_wire(known, &error));
    let writes = model.errors.iter().map(|known| into_wire(known, krate));
    let fields = model.errors.iter().flat_map(|known| &known.variables);
    let fields = fields.map(|Variable { handle, ty, .. }| {
        quote! {
            const #handle: #krate::__private::Variable<#ty> = #krate::__private::variable::<#ty>();
        }
    });
    let descriptors = model.errors.iter().map(|known| descriptor(known, krate));
    let (other, read_other, write_other) = match &model.other {
        Some(other) => {
            let (variant, ty) = (&other.variant, &other.content);
            (
                Some(quote! {
                    const OTHER: #krate::__private::Unknown<#ty> =
                        #krate::__private::unknown::<#ty>();
                }),
                Some(quote! {
                    fn other(#error: &#krate::WireError) -> ::core::option::Option<Self> {
                        ::core::option::Option::Some(Self::#variant(OTHER.keep(#error)))
                    }
                }),
                Some(quote!(Self::#variant(#error) => OTHER.give(#error),)),
            )
        }
        None => (None, None, None),
    };
    let implementation = implementation(
        model,
        &quote! {
            const CODES: &'static [&'static str] = &[#(#codes),*];

            const DESCRIPTORS: &'static [#krate::__private::ErrorDescriptor] = {
                #[allow(unused_imports)]
                use #krate::__private::Unspecified as _;
                &[#(#descriptors),*]
            };

            fn from_wire(#error: &#krate::WireError) -> ::core::option::Option<Self> {
                match &*#error.code {
                    #(#reads)*
                    _ => ::core::option::Option::None,
                }
            }

            #read_other

            fn into_wire(self) -> #krate::WireError {
                match self {
                    #(#writes)*
                    #write_other
                }
            }
        },
    );
    one_scope(&quote! {
        #(#fields)*
        #other
        #implementation
    })
}

/// Generates implementations that do nothing, for an enum with mistakes. Its uses are not errors as well.
pub(super) fn skeleton(model: &Enumeration) -> TokenStream {
    let krate = &model.crate_path;
    let implementation = implementation(
        model,
        &quote! {
            const CODES: &'static [&'static str] = &[];

            fn from_wire(_: &#krate::WireError) -> ::core::option::Option<Self> {
                ::core::option::Option::None
            }

            fn into_wire(self) -> #krate::WireError {
                #krate::WireError::server("", "")
            }
        },
    );
    one_scope(&implementation)
}

/// Puts items into one scope, which has the list of lints.
fn one_scope(items: &TokenStream) -> TokenStream {
    let lints = generated_code_lints();
    quote! {
        #lints
        const _: () = {
            #items
        };
    }
}

fn implementation(model: &Enumeration, content: &TokenStream) -> TokenStream {
    let Enumeration {
        name,
        generics,
        crate_path,
        ..
    } = model;
    let (parameters, arguments, conditions) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #crate_path::ActionErrors for #name #arguments #conditions {
            #content
        }
    }
}

/// Generates the description of a variant.
fn descriptor(known: &KnownError, krate: &TokenStream) -> TokenStream {
    let KnownError {
        code,
        message,
        field,
        is_server_fault,
        variables,
        status,
        headers,
        ..
    } = known;
    let fault = if *is_server_fault {
        quote!(server)
    } else {
        quote!(caller)
    };
    let message = template(message);
    let field = field.as_ref().map(|field| {
        let field = template(field);
        quote!(.with_field(#field))
    });
    let variables = (!variables.is_empty()).then(|| {
        let variables = variables.iter().map(|Variable { name, ty, .. }| {
            quote! {
                #krate::__private::VariableDescriptor::new(
                    #name,
                    #krate::__private::Known::<#ty>::SCHEMA,
                )
            }
        });
        quote!(.with_variables(&[#(#variables),*]))
    });
    let status = status.as_ref().map(|status| quote!(.with_status(#status)));
    let headers = (!headers.is_empty()).then(|| {
        let headers = headers.iter().map(|(name, value)| quote!((#name, #value)));
        quote!(.with_headers(&[#(#headers),*]))
    });
    quote! {
        #krate::__private::ErrorDescriptor::#fault(#code, #message)
            #field #variables #status #headers
    }
}

/// Returns a text as it is written, with names in braces.
fn template(text: &Text) -> String {
    match text {
        Text::Fixed(text) => text.clone(),
        Text::Format(literal) => literal.value(),
    }
}

/// Generates the arm that reads a variant.
fn from_wire(known: &KnownError, error: &Ident) -> TokenStream {
    let KnownError {
        variant,
        code,
        variables,
        ..
    } = known;
    let fields = variables.iter().map(
        |Variable {
             field,
             name,
             handle,
             ..
         }| quote!(#field: #handle.read(#error, #name)?),
    );
    quote! {
        #code => ::core::option::Option::Some(Self::#variant { #(#fields),* }),
    }
}

/// Generates the arm that writes a variant.
fn into_wire(known: &KnownError, krate: &TokenStream) -> TokenStream {
    let KnownError {
        variant,
        code,
        message,
        field,
        is_server_fault,
        variables,
        ..
    } = known;
    let fault = if *is_server_fault {
        quote!(server)
    } else {
        quote!(caller)
    };
    let message = expression(message, krate);
    let mut error = quote!(#krate::WireError::#fault(#code, #message));
    if let Some(field) = field {
        let field = expression(field, krate);
        error = quote!(#error.with_field(#field));
    }
    for Variable {
        field,
        name,
        handle,
        ..
    } in variables
    {
        error = quote!(#handle.write(#error, #name, &#field));
    }
    let fields = variables.iter().map(|variable| &variable.field);
    quote!(Self::#variant { #(#fields),* } => #error,)
}

fn expression(text: &Text, krate: &TokenStream) -> TokenStream {
    match text {
        Text::Fixed(text) => quote!(#text),
        Text::Format(literal) => quote!(#krate::__private::format!(#literal)),
    }
}
