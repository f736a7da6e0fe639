//! The check that names in routes, arguments and headers are fields of the request or the response.
//!
//! Only the compiler knows the fields of a type, so the check is a constant. It panics at the literal that has the name. A body
//! that `#[soa::body]` did not make tells no names, and is checked when the service is built.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitStr;

use crate::handler;
use crate::http::names_in;
use crate::model::{Action, Http, Part, Service, Soundness};
use crate::span::located_at;

/// Generates the checks of an action, as items for the body of a function.
pub(super) fn expand(service: &Service, action: &Action) -> Option<TokenStream> {
    let http = action.declared.http.as_ref()?;
    if action.soundness == Soundness::MethodOnly {
        return None;
    }
    let checks = checks(service, action, http);
    if checks.is_empty() {
        return None;
    }
    let crate_path = &service.crate_path;
    let fields = |ty: &TokenStream| quote!(#crate_path::__private::Known::<#ty>::FIELDS);
    let no_fields = quote!(::core::option::Option::Some(&[]));
    let request = match &action.request {
        Some(request) => fields(&quote!(#request)),
        None => no_fields.clone(),
    };
    let response = &action.response;
    let response = match handler::is_unit(response) {
        true => no_fields,
        false => fields(&quote!(#response)),
    };
    let checks = checks.into_iter().map(|check| {
        let Check {
            place,
            fields,
            name,
            problem,
        } = check;
        let span = Span::mixed_site().located_at(place);
        let crate_path = located_at(crate_path, place);
        let fields = match fields {
            Owner::Request => quote_spanned!(span=> of_request(__SOA_REQUEST)),
            Owner::Response => quote_spanned!(span=> of_response(__SOA_RESPONSE)),
            Owner::Either => quote_spanned!(span=> of_both(__SOA_REQUEST, __SOA_RESPONSE)),
        };
        quote_spanned! {span=>
            const _: () = #crate_path::__private::Fields::#fields.must_have(#name, #problem);
        }
    });
    let list = quote! {
        ::core::option::Option<&'static [#crate_path::__private::FieldName]>
    };
    Some(quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #crate_path::__private::NoRules as _;

            const __SOA_REQUEST: #list = #request;
            const __SOA_RESPONSE: #list = #response;
            #(#checks)*
        };
    })
}

/// A name that has to be that of a field.
struct Check {
    place: Span,
    fields: Owner,
    name: String,
    problem: String,
}

/// The body that has the field.
enum Owner {
    Request,
    Response,
    Either,
}

fn checks(service: &Service, action: &Action, http: &Http) -> Vec<Check> {
    let method = &action.method;
    let mut checks = Vec::new();
    // Without a request, its names have been reported.
    if action.request.is_some() {
        let mut in_path = |path: &LitStr| {
            checks.extend(names_in(&path.value()).into_iter().map(|name| Check {
                place: path.span(),
                fields: Owner::Request,
                name: name.to_owned(),
                problem: format!("`{{{name}}}` is no field of the request of `{method}`"),
            }));
        };
        if !http.routes.is_empty() {
            service.rest.iter().for_each(&mut in_path);
        }
        http.routes.iter().for_each(|route| in_path(&route.path));
        checks.extend(http.body.iter().filter_map(|body| {
            let Part::Field(name) = body else { return None };
            Some(Check {
                place: name.span(),
                fields: Owner::Request,
                name: name.value(),
                problem: format!(
                    "`body = {}` is no field of the request of `{method}`",
                    name.value()
                ),
            })
        }));
    }
    checks.extend(http.result.iter().filter_map(|result| {
        let Part::Field(name) = result else {
            return None;
        };
        let is_reported = handler::is_unit(&action.response);
        (!is_reported).then(|| Check {
            place: name.span(),
            fields: Owner::Response,
            name: name.value(),
            problem: format!(
                "`result = {}` is no field of the response of `{method}`",
                name.value()
            ),
        })
    }));
    for (_, value) in &http.headers {
        checks.extend(names_in(&value.value()).into_iter().map(|name| Check {
            place: value.span(),
            fields: Owner::Either,
            name: name.to_owned(),
            problem: format!(
                "`{{{name}}}` is a field of neither the response nor the request of `{method}`"
            ),
        }));
    }
    checks
}
