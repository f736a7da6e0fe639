//! From the plans to code: a module for each file, a test for each case.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Expr, Ident, ReturnType};

use super::argument::Arguments;
use super::name::{Names, modules};
use super::plan_file::Plan;
use crate::errors::Errors;

/// Generates the modules of the files and the function that makes the subject.
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
    // Unique, as the name of the module is.
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
                fn #test() -> ::core::result::Result<(), #framework::__private::plan::Failure> {
                    #framework::__private::plan::run_case(__SOA_PLAN, #name, super::#function)
                }
            }
        });
        quote! {
            #[doc = #file]
            mod #module {
                // No case has this name.
                const __SOA_PLAN: #framework::__private::plan::Source = #framework::__private::plan::Source {
                    file: #file,
                    text: ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)),
                };

                #[test]
                fn #whole() -> ::core::result::Result<(), #framework::__private::plan::Failure> {
                    #framework::__private::plan::check(__SOA_PLAN)
                }

                #(#cases)*
            }
        }
    });
    quote! {
        #(#modules)*

        // The name of a file may have capitals.
        #[allow(non_snake_case)]
        async fn #function() -> ::core::result::Result<
            #framework::__private::plan::Subject,
            #framework::__private::plan::Failure,
        > {
            #subject
        }
    }
}

/// Generates the body of the function that makes the subject of a test.
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
            // An async closure with the same body, which may await and fail.
            let (inputs, body) = (&closure.inputs, &closure.body);
            let ok = match &closure.output {
                ReturnType::Type(_, service) => quote!(::core::result::Result::<#service, _>::Ok),
                ReturnType::Default => quote!(::core::result::Result::Ok),
            };
            let (mocks, service) = (local("mocks", closure), local("service", body));
            Some(quote! {
                let #mocks = #framework::__private::plan::Mocks::default();
                let #service = #framework::__private::plan::made_with(&#mocks, async |#inputs| #ok(#body)).await?;
                ::core::result::Result::Ok(
                    #framework::__private::plan::subject(#service, #constants)?.mocks(&#mocks)
                )
            })
        }
        (Some(expression), None, None) => {
            let service = local("service", expression);
            let made = made(expression, framework);
            Some(quote! {
                let #service = #made;
                #framework::__private::plan::subject(#service, #constants)
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
                    #framework::__private::plan::Subject::live(#client, #name).constants(#constants)
                )
            })
        }
        (None, Some(client), None) => {
            errors.on(
                client,
                "`live` needs the name of the service: write `name = \"example\"`",
            );
            None
        }
        (Some(_), None, Some(name)) => {
            errors.on(
                name,
                "`name` goes with `live`, as a `service` has a name: remove it here",
            );
            None
        }
        (Some(_), Some(client), _) => {
            errors.on(
                client,
                "`service` and `live` exclude each other: use `test_plans!` twice, in two modules",
            );
            None
        }
        (None, None, _) => {
            errors.at(
                Span::call_site(),
                "`test_plans!` needs a service: write `service = …` for one in the process of the test, `live = client, name = \"…\"` for one that runs elsewhere",
            );
            None
        }
    }
}

/// Evaluates an expression of the user, which may await and fail with any error.
fn made(expression: &Expr, framework: &TokenStream) -> TokenStream {
    quote!(#framework::__private::plan::made(async || ::core::result::Result::Ok(#expression)).await?)
}

/// Returns a local variable that the user's expressions do not see. Errors about its type are shown at the expression.
fn local(name: &str, expression: &impl Spanned) -> Ident {
    Ident::new(name, Span::mixed_site().located_at(expression.span()))
}
