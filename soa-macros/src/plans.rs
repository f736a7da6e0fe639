//! `test_plans!`: a test for each case of the plans that match.
//!
//! The macro does not read plans, it looks through them: which blocks have a `test name:`, which are skipped, and which need
//! the service in the test's process. What a line means, and whether it means anything, is the runtime's business, when the
//! test runs. So a plan with a mistake fails its own tests and no others, this crate needs no grammar, and nothing is
//! compiled twice.
//!
//! Files are found here and their text goes into the tests by `include_str!`, so that an edit builds them again. A *new*
//! file is seen when the test is compiled the next time.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Expr, Ident, LitStr, ReturnType, Token, braced, token};

use crate::errors::Errors;

mod case;
mod glob;

/// The arguments.
struct Plans {
    patterns: Vec<LitStr>,
    service: Option<Expr>,
    live: Option<Expr>,
    name: Option<Expr>,
    /// As `value!` takes them.
    constants: Option<TokenStream>,
    framework: Option<syn::Path>,
}

impl Parse for Plans {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut plans = Self {
            patterns: Vec::new(),
            service: None,
            live: None,
            name: None,
            constants: None,
            framework: None,
        };
        while !input.is_empty() {
            if input.peek(LitStr) {
                plans.patterns.push(input.parse()?);
            } else {
                plans.argument(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(plans)
    }
}

impl Plans {
    fn argument(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let name = Ident::parse_any(input)?;
        input.parse::<Token![=]>()?;
        let is_twice = match name.to_string().as_str() {
            "service" => self.service.replace(input.parse()?).is_some(),
            "live" => self.live.replace(input.parse()?).is_some(),
            "name" => self.name.replace(input.parse()?).is_some(),
            "constants" => {
                if !input.peek(token::Brace) {
                    return Err(input.error(
                        "constants are a map, as `value!` takes them: `constants = { \"name\": 1 }`",
                    ));
                }
                let content;
                braced!(content in input);
                self.constants.replace(content.parse()?).is_some()
            }
            "crate" => {
                let path = input.call(syn::Path::parse_mod_style)?;
                self.framework.replace(path).is_some()
            }
            other => {
                return Err(syn::Error::new(
                    name.span(),
                    format!(
                        "`{other}` is no argument of `test_plans!`: it takes patterns of files, `service = …` or `live = …` with `name = …`, and `constants = {{…}}`"
                    ),
                ));
            }
        };
        if is_twice {
            return Err(syn::Error::new(
                name.span(),
                format!("`{name}` is given twice"),
            ));
        }
        Ok(())
    }
}

/// A plan as far as its tests need it.
struct Plan {
    /// Relative to the crate.
    file: String,
    cases: Vec<case::Case>,
}

/// The whole of `test_plans!`, with the directory that patterns are relative to.
pub(crate) fn expand(input: TokenStream, root: &Path) -> TokenStream {
    let mut errors = Errors::default();
    let output = match syn::parse2::<Plans>(input) {
        Ok(plans) => tests(&plans, root, &mut errors),
        Err(error) => {
            errors.push(error);
            TokenStream::new()
        }
    };
    let errors = errors.into_compile_errors();
    quote!(#output #errors)
}

fn tests(plans: &Plans, root: &Path, errors: &mut Errors) -> TokenStream {
    let framework = match &plans.framework {
        Some(path) => quote!(#path),
        None => quote!(::soa),
    };
    let files = find(plans, root, errors);
    let Some(subject) = subject(plans, &framework, errors) else {
        return TokenStream::new();
    };
    let modules = modules(files.iter().map(|plan| plan.file.as_str()));
    let named: Vec<(Ident, &Plan)> = modules.into_iter().zip(&files).collect();
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
                None if case.is_local_only && plans.live.is_some() => Some(live),
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
fn subject(plans: &Plans, framework: &TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let constants = match &plans.constants {
        Some(constants) => quote!(#framework::value!({ #constants })),
        None => quote!(#framework::value!({})),
    };
    match (&plans.service, &plans.live, &plans.name) {
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

/// The plans that match, sorted by their files.
fn find(plans: &Plans, root: &Path, errors: &mut Errors) -> Vec<Plan> {
    let mut files: Vec<PathBuf> = Vec::new();
    if plans.patterns.is_empty() {
        errors.at(
            Span::call_site(),
            "which plans? Give a pattern, relative to the crate: `\"tests/plans/*.pysoa\"`",
        );
    }
    for pattern in &plans.patterns {
        let found = glob::find(root, &pattern.value());
        if found.is_empty() {
            let pattern_text = pattern.value();
            errors.on(
                pattern,
                format!("no file matches `{pattern_text}`, seen from the directory of the crate's Cargo.toml"),
            );
        }
        files.extend(found);
    }
    files.sort();
    files.dedup();
    let mut read = Vec::new();
    for file in files {
        match std::fs::read_to_string(root.join(&file)) {
            Ok(text) => read.push(Plan {
                file: file.to_string_lossy().replace('\\', "/"),
                cases: case::cases(&text),
            }),
            Err(error) => errors.at(
                Span::call_site(),
                format!("{} cannot be read: {error}", file.display()),
            ),
        }
    }
    read
}

/// The names of the modules of files: their own, and those of as many of their directories as tell them apart.
///
/// All that would have the same name get longer ones, so that none depends on which file comes first.
fn modules<'a>(files: impl Iterator<Item = &'a str>) -> Vec<Ident> {
    let files: Vec<Vec<String>> = files.map(parts).collect();
    let mut lengths = vec![1_usize; files.len()];
    let name = |file: &[String], length: usize| {
        let from = file.len().saturating_sub(length);
        identifier(&file.get(from..).unwrap_or_default().join("_"))
    };
    loop {
        let both = || files.iter().zip(&lengths);
        let names: Vec<String> = both().map(|(file, length)| name(file, *length)).collect();
        let may_grow: Vec<bool> = both()
            .zip(&names)
            .map(|((file, length), name)| {
                let others = names.iter().filter(|other| *other == name);
                others.count() > 1 && *length < file.len()
            })
            .collect();
        if !may_grow.contains(&true) {
            let mut unique = Names::default();
            return names.iter().map(|name| unique.unique(name)).collect();
        }
        for (length, may_grow) in lengths.iter_mut().zip(may_grow) {
            *length += usize::from(may_grow);
        }
    }
}

/// The directories of a file and its name without the extension.
fn parts(file: &str) -> Vec<String> {
    let path = Path::new(file).with_extension("");
    let parts = path.components();
    let parts = parts.map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.collect()
}

/// Names of modules and functions, none of them twice.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn unique(&mut self, wanted: &str) -> Ident {
        let plain = identifier(wanted);
        let mut name = plain.clone();
        let mut number = 2_usize;
        while !self.0.insert(name.clone()) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        Ident::new(&name, Span::call_site())
    }
}

/// A name that Rust takes: other characters become `_`, digits do not come first, keywords get a `_`.
fn identifier(wanted: &str) -> String {
    let mut name: String = wanted
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '_'
            }
        })
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert(0, '_');
    }
    if name == "_" || syn::parse_str::<Ident>(&name).is_err() {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../soa"))
    }

    #[test]
    fn a_file_is_a_module_and_a_case_a_test() {
        let input = quote! {
            "tests/plans/skipped.pysoa",
            service = Example::new().await,
            constants = {"a": [1]},
            crate = crate::framework
        };
        let expanded = syn::parse2(expand(input, root())).unwrap();
        insta::assert_snapshot!(prettyplease::unparse(&expanded));
    }

    #[test]
    fn what_needs_the_process_is_ignored_where_the_service_is_elsewhere() {
        let live = quote!(
            "tests/plans/directives.pysoa",
            live = client(),
            name = "example"
        );
        let expanded = expand(live, root()).to_string();
        assert!(expanded.contains("it freezes the clock, stubs or mocks"));
    }

    #[test]
    fn every_mistake_in_the_arguments_is_told() {
        let inputs = [
            quote!(),
            quote!("tests/plans/*.pysoa"),
            quote!("tests/none/*.pysoa", service = X),
            quote!("tests/plans/*.pysoa", servise = X),
            quote!("tests/plans/*.pysoa", service = X, service = Y),
            quote!("tests/plans/*.pysoa", service = X, live = y),
            quote!("tests/plans/*.pysoa", service = X, name = "x"),
            quote!("tests/plans/*.pysoa", live = x),
            quote!("tests/plans/*.pysoa" service = X),
            quote!("tests/plans/*.pysoa", service = X, constants = 5),
        ];
        let told = inputs.map(|input| {
            let shown = input.to_string();
            let errors = crate::tests::texts(expand(input, root())).join("\n    ");
            format!("{shown}\n    {errors}")
        });
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn files_of_the_same_name_are_told_apart_by_their_directories() {
        let names = |files: &[&str]| {
            let names = modules(files.iter().copied()).into_iter();
            names.map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&[
                "plans/a.b.pysoa",
                "plans/same.pysoa",
                "plans/sub/same.pysoa"
            ]),
            ["a_b", "plans_same", "sub_same"]
        );
        assert_eq!(
            names(&[
                "x/s/same.pysoa",
                "y/s/same.pysoa",
                "y/t/same.pysoa",
                "y/other.pysoa"
            ]),
            ["x_s_same", "y_s_same", "t_same", "other"]
        );
        assert_eq!(
            names(&["a-b.pysoa", "a_b.pysoa", "s/a-b.pysoa"]),
            ["a_b", "a_b_2", "s_a_b"]
        );
    }

    #[test]
    fn names_are_what_rust_takes_and_unique() {
        let mut names = Names::default();
        let made = ["001 simple", "type", "a-b", "a_b", "a.b", "_", "ok"]
            .map(|name| names.unique(name).to_string());
        assert_eq!(
            made,
            ["_001_simple", "type_", "a_b", "a_b_2", "a_b_3", "__", "ok"]
        );
    }
}
