//! From the plans to code: a module for each file, a test for each case.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Expr, Ident, ReturnType};

use super::argument::Arguments;
use super::name::{Names, modules};
use super::plan_file::Plan;
use crate::errors::Errors;

pub(super) fn tests(arguments: &Arguments, files: &[Plan], errors: &mut Errors) -> TokenStream {
    let framework = match &arguments.framework {
        Some(path) => quote!(#path),
        None => quote!(::soa),
    };
    let Some(subject) = subject(arguments, &framework, errors) else {
        return TokenStream::new();
    };
    let modules = modules(files.iter().map(|plan| plan.file.as_str()));
    let named: Vec<(Ident, &Plan)> = modules.into_iter().zip(files).collect();
    let Some((first, _)) = named.first() else {
        return TokenStream::new();
    };
    // Named after a module that is there once anyway.
    let function = format_ident!("__soa_subject_{first}");
    let modules = named.iter().map(|(module, plan)| {
        let file = &plan.file;
        let path = format!("/{file}");
        let mut names = Names::default();
        let whole = names.unique("every_line_is_understood");
        let cases = plan.cases.iter().map(|case| {
            let test = names.unique(&case.name);
            let name = &case.name;
            let live = "it freezes the clock, stubs or mocks: that takes the service in this process";
            let reason = match &case.skip {
                Some(reason) => Some(reason.as_str()),
                None if case.is_local_only && arguments.live.is_some() => Some(live),
                None => None,
            };
            let ignore = reason.map(|reason| quote!(#[ignore = #reason]));
            quote! {
                #[test]
                #ignore
                fn #test() -> ::core::result::Result<(), #framework::testing::plan::Failure> {
                    #framework::__private::run_case(__SOA_PLAN, #name, super::#function)
                }
            }
        });
        quote! {
            #[doc = #file]
            mod #module {
                // A name that no case has.
                const __SOA_PLAN: #framework::__private::Source = #framework::__private::Source {
                    file: #file,
                    text: ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)),
                };

                #[test]
                fn #whole() -> ::core::result::Result<(), #framework::testing::plan::Failure> {
                    #framework::__private::check(__SOA_PLAN)
                }

                #(#cases)*
            }
        }
    });
    quote! {
        #(#modules)*

        // Names come from files.
        #[allow(non_snake_case)]
        async fn #function() -> ::core::result::Result<
            #framework::testing::plan::Subject,
            #framework::testing::plan::Failure,
        > {
            #subject
        }
    }
}

/// What makes the subject of a test.
fn subject(
    arguments: &Arguments,
    framework: &TokenStream,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let constants = match &arguments.constants {
        Some(constants) => quote!(#framework::value!({ #constants })),
        None => quote!(#framework::value!({})),
    };
    match (&arguments.service, &arguments.live, &arguments.name) {
        (Some(Expr::Closure(closure)), None, None) => {
            // Written anew, so that what is in it may await and fail like an expression without mocks.
            let (inputs, body) = (&closure.inputs, &closure.body);
            let ok = match &closure.output {
                ReturnType::Type(_, service) => quote!(::core::result::Result::<#service, _>::Ok),
                ReturnType::Default => quote!(::core::result::Result::Ok),
            };
            let (mocks, service) = (local("mocks", closure), local("service", body));
            Some(quote! {
                let #mocks = #framework::testing::plan::Mocks::default();
                let #service = #framework::__private::made_with(&#mocks, async |#inputs| #ok(#body)).await?;
                ::core::result::Result::Ok(
                    #framework::__private::subject(#service, #constants)?.mocks(&#mocks)
                )
            })
        }
        (Some(expression), None, None) => {
            let service = local("service", expression);
            let made = made(expression, framework);
            Some(quote! {
                let #service = #made;
                #framework::__private::subject(#service, #constants)
            })
        }
        (None, Some(client_expression), Some(name_expression)) => {
            let (client, name) = (
                local("client", client_expression),
                local("name", name_expression),
            );
            let made_client = made(client_expression, framework);
            let made_name = made(name_expression, framework);
            Some(quote! {
                let #client = #made_client;
                let #name = #made_name;
                ::core::result::Result::Ok(
                    #framework::testing::plan::Subject::live(#client, #name).constants(#constants)
                )
            })
        }
        (None, Some(client), None) => {
            errors.on(
                client,
                "`live` needs the name of the service, too: `name = \"example\"`",
            );
            None
        }
        (Some(_), None, Some(name)) => {
            errors.on(name, "`name` goes with `live`; a `service` knows its own");
            None
        }
        (Some(_), Some(client), _) => {
            errors.on(client, "`service` and `live` exclude each other; invoke `test_plans!` twice, in two modules");
            None
        }
        (None, None, _) => {
            errors.at(
                Span::call_site(),
                "what should be tested? `service = …` is a service in the test's process, `live = client, name = \"…\"` one anywhere",
            );
            None
        }
    }
}

/// What an expression gives, which may await and fail with anything.
fn made(expression: &Expr, framework: &TokenStream) -> TokenStream {
    quote!(#framework::__private::made(async || ::core::result::Result::Ok(#expression)).await?)
}

/// A variable that the user's expressions do not see. What is wrong with its type is told at the expression.
fn local(name: &str, expression: &impl Spanned) -> Ident {
    Ident::new(name, Span::mixed_site().located_at(expression.span()))
}
