//! The declarations of a handle: permissions, idempotency, limit of crashes, cache time, and the properties for HTTP.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use crate::model::{Declared, Http, Part, Route};
use crate::verb::Verb;

/// Generates the declarations, if there are any.
pub(super) fn expand(crate_path: &TokenStream, declared: &Declared) -> Option<TokenStream> {
    let Declared {
        requires,
        idempotent,
        crash_limit,
        cache,
        http,
    } = declared;
    let requires = (!requires.is_empty()).then(|| quote!(.requires(&[#(#requires),*])));
    let idempotent = idempotent.then(|| quote!(.idempotent()));
    let crash_limit = crash_limit.map(|limit| quote!(.crash_limit(#limit)));
    let cache = cache.map(|time| quote!(.cache(#time)));
    let http = http.as_ref().map(|http| {
        let http = self::http(crate_path, http);
        quote!(.http(#http))
    });
    // A limit of crashes comes with `idempotent`.
    if requires.is_none() && idempotent.is_none() && cache.is_none() && http.is_none() {
        return None;
    }
    Some(quote! {
        .declared(&#crate_path::__private::Declared::new()#requires #idempotent #crash_limit #cache #http)
    })
}

fn http(crate_path: &TokenStream, http: &Http) -> TokenStream {
    let Http {
        routes,
        body,
        result,
        status,
        headers,
        summary,
        description,
        tags,
    } = http;
    let routes = (!routes.is_empty()).then(|| {
        let routes = routes.iter().map(|Route { verb, path }| {
            let method = method(*verb);
            quote! {
                #crate_path::__private::Route::new(#crate_path::__private::Method::#method, #path)
            }
        });
        quote!(.routes(&[#(#routes),*]))
    });
    let part = |form: &str, part: &Part| {
        let form = Ident::new(form, Span::call_site());
        match part {
            Part::Whole => quote!(#crate_path::__private::#form::Whole),
            Part::Field(name) => quote!(#crate_path::__private::#form::Field(#name)),
        }
    };
    let body = body.as_ref().map(|body| part("BodyForm", body));
    let body = body.map(|form| quote!(.body(#form)));
    let result = result.as_ref().map(|result| part("ResultForm", result));
    let result = result.map(|form| quote!(.result(#form)));
    let status = status.as_ref().map(|status| quote!(.status(#status)));
    let headers = (!headers.is_empty()).then(|| {
        let headers = headers.iter().map(|(name, value)| quote!((#name, #value)));
        quote!(.headers(&[#(#headers),*]))
    });
    let summary = summary.as_ref().map(|text| quote!(.summary(#text)));
    let description = description.as_ref().map(|text| quote!(.description(#text)));
    let tags = (!tags.is_empty()).then(|| quote!(.tags(&[#(#tags),*])));
    quote! {
        #crate_path::__private::HttpDeclared::new()
            #routes #body #result #status #headers #summary #description #tags
    }
}

/// Returns the name of a method's constant in the framework.
fn method(verb: Verb) -> Ident {
    let name = match verb {
        Verb::Get => "Get",
        Verb::Post => "Post",
        Verb::Put => "Put",
        Verb::Patch => "Patch",
        Verb::Delete => "Delete",
    };
    Ident::new(name, Span::call_site())
}
