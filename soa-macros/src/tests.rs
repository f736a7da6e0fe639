//! Expansions of the macros: one snapshot for each kind of service, and the texts of all
//! errors at once.
//!
//! The pipeline runs on plain tokens here. The package `ui-tests` tests with the compiler that generated code compiles,
//! and the places of its errors.

mod body;
mod derive;
mod http;
mod test_plans;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

/// The expansion, formatted. Fails where it is not a sequence of items.
fn expanded(arguments: TokenStream, item: TokenStream) -> String {
    let output = crate::expand_service(arguments, item);
    prettyplease::unparse(&syn::parse2(output).unwrap())
}

/// The texts of the errors, in order.
fn errors(arguments: TokenStream, item: TokenStream) -> Vec<String> {
    texts(crate::expand_service(arguments, item))
}

/// The texts of the errors in an expansion, in order.
fn texts(expansion: TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = expansion.into_iter().collect();
    tokens
        .windows(3)
        .filter_map(|window| match window {
            [
                TokenTree::Ident(name),
                TokenTree::Punct(_),
                TokenTree::Group(text),
            ] if name == "compile_error" => {
                Some(syn::parse2::<syn::LitStr>(text.stream()).unwrap().value())
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_simple_service() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = "1.0.0"),
        quote! {
            /// Squares things.
            impl Example {
                /// Squares a number.
                #[action]
                async fn square(&self, request: SquareRequest, cx: &Context) -> Result<SquareResponse, ActionError> {
                    Ok(SquareResponse { square: request.number * request.number })
                }
            }
        },
    ));
}

#[test]
fn a_service_with_all_options() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = env!("CARGO_PKG_VERSION"), crate = crate::framework, vis = pub(crate)),
        quote! {
            impl inner::Example {
                const LIMIT: usize = { 3 };

                #[soa::action(name = "cube.v2", request = Cube, response = u64)]
                pub(crate) async fn cube(&self, request: Cube) -> soa::Result<u64> {}

                #[action]
                async fn r#type(&self, cx: &Context) -> Result<(), Failure> {}

                #[action]
                async fn getAll(&self) -> Result<Vec<u8>, Failure> {}

                fn helper<T>(&self) -> [u8; 3] where [(); { 1 }]: Sized { [0; Self::LIMIT] }
            }
        },
    ));
}

#[test]
fn the_parameters_of_the_block_are_carried_over_and_the_client_has_none() {
    insta::assert_snapshot!(expanded(
        quote!(name = "shop", version = "2"),
        quote! {
            impl<S: Store, const N: usize> Shop<S, N> where S: Clone {
                #[action]
                async fn stock(&self) -> Result<Stock, S::Error> {}
            }
        },
    ));
}

#[test]
fn conditions_deprecations_docs_and_lint_levels_are_carried_over() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = "1.0"),
        quote! {
            #[deny(unused)]
            impl Example {
                /// The first line.
                ///
                /// The last line.
                #[action]
                #[cfg(feature = "old")]
                #[cfg_attr(docsrs, doc = "Old.", inline)]
                #[deprecated(note = "call `new_one`")]
                #[expect(unused_variables)]
                #[tracing::instrument]
                async fn old_one(&self) -> Result<(), ActionError> {}
            }
        },
    ));
}

#[test]
fn the_item_survives_its_errors_and_the_client_keeps_its_methods() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example"),
        quote! {
            impl Example {
                #[action(timout = 3)]
                fn square(&self, request: SquareRequest) -> Result<SquareResponse, ActionError> {}

                #[action]
                async fn stock(&self, request: Self::Request) -> Result<Stock, ActionError> {}

                fn helper(&self) {}
            }
        },
    ));
}

#[test]
fn what_is_half_typed_is_passed_on_as_it_is() {
    let item = quote! {
        impl Example {
            #![allow(unused)]

            async fn body(&self, request: Request) -> Result<(), E> { let x = request. ; match }

            async fn signature(&self, request) -> Result<(), E> { cx. }

            const LIMIT: = { 3 };
            fn
        }
    };
    let marked = quote! {
        impl Example {
            #![allow(unused)]

            #[action]
            async fn body(&self, request: Request) -> Result<(), E> { let x = request. ; match }

            #[action]
            async fn signature(&self, request) -> Result<(), E> { cx. }

            const LIMIT: = { 3 };
            fn
        }
    };
    let lints = crate::lint::handler_lints().to_string();
    let output = crate::expand_service(quote!(name = "a", version = "1"), marked.clone());
    let output = output.to_string().replace(&format!("{lints} "), "");
    assert!(output.starts_with(&item.to_string()), "{output}");
    insta::assert_debug_snapshot!(errors(quote!(name = "a", version = "1"), marked));
}

#[test]
fn a_contract() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = "1.0.0"),
        quote! {
            /// Squares things.
            pub(crate) trait Example: Clone where Self: Debug {
                /// Squares a number.
                #[action]
                async fn square(&self, request: SquareRequest, cx: &Context) -> Result<SquareResponse, ActionError>;

                #[action]
                async fn nothing(&self) -> Result<(), ActionError> { Ok(()) }

                #[action(blocking)]
                fn wait(&self) -> Result<(), ActionError>;

                fn helper(&self) -> u8 { 1 }
            }
        },
    ));
}

#[test]
fn the_impl_of_a_contract() {
    insta::assert_snapshot!(expanded(
        quote!(crate = crate::framework),
        quote! {
            impl<S: Store> contracts::Example for Shop<S> where S: Clone {
                async fn square(&self, request: SquareRequest, cx: &Context) -> Result<SquareResponse, ActionError> {}
            }
        },
    ));
}

#[test]
fn services_that_are_called() {
    let handlers = quote! {
        #[action]
        async fn ping(&self) -> Result<(), ActionError> {}
    };
    let calls = quote!(
        name = "orders",
        version = "1",
        calls("stock", "user-accounts")
    );
    insta::assert_snapshot!(expanded(calls, quote!(impl Orders { #handlers })));
    insta::assert_snapshot!(expanded(
        quote!(calls("stock")),
        quote!(
            impl Orders for Shop {}
        ),
    ));
}

#[test]
fn variants_of_an_action() {
    insta::assert_snapshot!(expanded(
        quote!(name = "users", version = "1"),
        quote! {
            impl Users {
                #[action]
                async fn user(&self) -> Result<(), ActionError> {}
                #[action(name = "user", switch = USER_V2)]
                #[cfg(feature = "new")]
                async fn user_v2(&self) -> Result<(), ActionError> {}
                #[action(name = "user", switch = -3)]
                async fn user_v3(&self) -> Result<(), ActionError> {}
                #[action]
                async fn other(&self) -> Result<(), ActionError> {}
            }
        },
    ));
}

#[test]
fn a_blocking_action() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = "1"),
        quote! {
            impl Example {
                #[action(blocking)]
                fn sum(&self, request: Numbers, cx: &Context) -> Result<Sum, ActionError> {}
            }
        },
    ));
}

#[test]
fn a_service_with_lifetimes_is_one_where_they_are_static() {
    insta::assert_snapshot!(crate::expand_service(
        quote!(),
        quote!(
            impl<'a> Example for Keeper<'a, '_> {}
        ),
    ));
}

#[test]
fn an_item_that_is_not_an_impl_block_survives() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = "1"),
        quote! {
            pub mod example {
                #[action]
                async fn square(request: SquareRequest) -> Result<SquareResponse, ActionError> {}
                #[must_use]
                fn other() {}
            }
        },
    ));
}

/// Returns the service in the first Rust block of the README: the arguments of `#[service]`, and the item.
fn service_of_the_readme() -> (TokenStream, TokenStream) {
    let (_, after) = include_str!("../../README.md")
        .split_once("```rust\n")
        .unwrap();
    let (block, _) = after.split_once("```").unwrap();
    syn::parse_file(block)
        .unwrap()
        .items
        .into_iter()
        .find_map(|item| match item {
            syn::Item::Impl(mut item) => {
                let attribute = item.attrs.pop_if(|last| last.path().is_ident("service"))?;
                let arguments = attribute.parse_args().unwrap();
                Some((arguments, quote!(#item)))
            }
            _ => None,
        })
        .unwrap()
}

#[test]
fn the_service_of_the_readme() {
    let (arguments, item) = service_of_the_readme();
    insta::assert_snapshot!(expanded(arguments, item));
}

#[test]
fn one_more_action_is_few_more_lines() {
    let lines = |actions: TokenStream| {
        let expansion = expanded(
            quote!(name = "example", version = "1"),
            quote!(impl Example { #actions }),
        );
        expansion.lines().count()
    };
    let one = quote! {
        /// Squares a number.
        #[action]
        async fn square(&self, request: SquareRequest, cx: &Context) -> Result<SquareResponse, ActionError> {
            Ok(SquareResponse { square: request.number * request.number })
        }
    };
    let another = |arguments: TokenStream| {
        quote! {
            /// Takes a number to the third.
            #[action(name = "cube.v2" #arguments)]
            async fn cube(&self, request: CubeRequest, cx: &Context) -> Result<CubeResponse, ActionError> {
                Ok(CubeResponse { cube: request.number * request.number * request.number })
            }
        }
    };
    let cube = another(quote!());
    let more = lines(quote!(#one #cube)) - lines(one);
    assert!(more <= 60, "{more} lines");

    // Types that the attribute repeats are compared, three lines for each.
    let typed = another(quote!(, request = CubeRequest, response = CubeResponse));
    let with_block = lines(typed) - lines(cube);
    assert!(with_block <= 20, "{with_block} lines");
}

#[test]
fn every_mistake_in_the_arguments_is_told() {
    insta::assert_debug_snapshot!(errors(
        quote!(nam = "a", version = 3, vis = "pub", vis = pub, vis = pub, crate, crate = "soa", 7, colour = Foo<A, B>, name),
        quote!(impl Example {}),
    ));
    insta::assert_debug_snapshot!(errors(
        quote!(name = "9lives", version = "1.x" version = "2"),
        quote! {
            impl Example {
                #[action(name = "", request = "Text", timeout = 5, switch)]
                async fn one(&self) -> Result<(), E> {}
                #[action = "two"]
                async fn two(&self) -> Result<(), E> {}
                #[action(request = Vec<A B, C>, response)]
                #[action]
                async fn three(&self) -> Result<(), E> {}
                #[action]
                const FOUR: u8 = 4;
                #[action]
                async fn _five(&self) -> Result<(), E> {}
            }
        },
    ));
}

#[test]
fn every_mistake_in_a_signature_is_told() {
    insta::assert_debug_snapshot!(errors(
        quote!(name = "example", version = "1.2.3.4-beta.1+build.5"),
        quote! {
            impl<'a, T> Example<'a, T> {
                #[action]
                unsafe extern "C" fn one(&mut self, a: A, b: B, c: C) {}
                #[action]
                async fn two<'b, U, const N: usize>(cx: &mut Context, request: U) -> u8 {}
                #[action]
                async fn three(&self, request: &A, cx: &Context) -> Result {}
                #[action]
                async fn four(&self, request: Vec<T>) -> Result<Cow<'a, module::T>, E> {}
                #[action]
                async fn five(&self, request: impl Body) -> Result<Self, E> {}
                #[action]
                async fn six(&self, request: Vec<&str>) -> Result<&'static str, E> {}
                #[action(request = A, response = Vec<T>)]
                async fn seven(self: &Self) -> Result<u8, E> {}
                #[action]
                const fn eight(self: Arc<Self>) -> impl Future<Output = Result<(), E>> {}
            }
        },
    ));
}

#[test]
fn names_may_not_meet() {
    insta::assert_debug_snapshot!(errors(
        quote!(name = "example", version = "1"),
        quote! {
            impl Example {
                #[action]
                async fn one(&self) -> Result<(), E> {}
                #[action(name = "one")]
                async fn two(&self) -> Result<(), E> {}
                #[action]
                async fn getUser(&self) -> Result<(), E> {}
                #[action]
                async fn get_user(&self) -> Result<(), E> {}
                #[action]
                async fn stubbed(&self) -> Result<(), E> {}
                #[action(name = "user")]
                #[cfg(a)]
                async fn user_a(&self) -> Result<(), E> {}
                #[action(name = "user")]
                #[cfg(not(a))]
                async fn user_b(&self) -> Result<(), E> {}
            }
        },
    ));
}

#[test]
fn versions_have_one_to_four_numbers_and_a_suffix() {
    let is_accepted = |version: &str| {
        errors(
            quote!(name = "a", version = #version),
            quote!(impl Example {}),
        )
        .is_empty()
    };
    for version in [
        "1",
        "1.0",
        "1.2.3",
        "1.2.3.4",
        "1.0.0-beta.1",
        "1.0.0+5",
        "1.0-rc-1+build.7",
    ] {
        assert!(is_accepted(version), "{version}");
    }
    for version in [
        "",
        "v1",
        "1.",
        ".1",
        "1.2.3.4.5",
        "1.0-",
        "1.0+",
        "1.0-a+",
        "1.0+a+b",
        "1 .0",
        "1.0-ä",
    ] {
        assert!(!is_accepted(version), "{version}");
    }
}

#[test]
fn a_stray_action_is_told_and_its_item_survives() {
    insta::assert_snapshot!(crate::stray(
        "action",
        quote!(
            async fn square() {}
        )
    ));
}

#[test]
fn an_action_with_a_timeout() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example"),
        quote! {
            impl Example {
                #[action(timeout = "1m 500ms")]
                async fn sum(&self) -> Result<Sum, ActionError> {}
            }
        },
    ));
}

#[test]
fn an_action_that_declares_more_than_its_types() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = "1"),
        quote! {
            impl Example {
                #[action(requires = ["sums.read", "sums.write"], idempotent, crash_limit = 5, cache = "1m 500ms")]
                async fn sum(&self) -> Result<Sum, ActionError> {}
                #[action(requires = "sums.read", switch = 5, name = "sum")]
                async fn sum_2(&self) -> Result<Sum, ActionError> {}
            }
        },
    ));
}

#[test]
fn every_mistake_in_what_an_action_declares_is_told() {
    insta::assert_debug_snapshot!(errors(
        quote!(name = "example", version = "1"),
        quote! {
            impl Example {
                #[action(requires = ["", "a b", "a", "a"], cache = "10s", crash_limit = 2, idempotemt)]
                async fn one(&self) -> Result<Sum, ActionError> {}
                #[action(requires = [], cache = "0s", idempotent = true)]
                async fn two(&self) -> Result<Sum, ActionError> {}
                #[action(requires = orders, cache = 5, idempotent, idempotent)]
                async fn three(&self) -> Result<Sum, ActionError> {}
                #[action(requires = ["a" "b"], cached = "1s")]
                async fn four(&self) -> Result<Sum, ActionError> {}
                #[action(requires = [a], cache)]
                async fn five(&self) -> Result<Sum, ActionError> {}
                #[action(requires)]
                async fn six(&self) -> Result<Sum, ActionError> {}
            }
        },
    ));
}

#[test]
fn health_checks() {
    insta::assert_snapshot!(expanded(
        quote!(name = "example", version = "1"),
        quote! {
            impl Example {
                /// Looks at the disk.
                #[health_check(name = "free-space", cached = "10s", slow_after = "500ms", timeout = "1m 30s")]
                async fn disk(&self, cx: &Context) -> Result<Health, ActionError> {}
                #[soa::health_check]
                #[cfg(feature = "database")]
                async fn database(&self) {}
                #[health_check]
                async fn hidden(&self) -> impl IntoHealth {}
            }
        },
    ));
}

#[test]
fn health_checks_in_the_impl_of_a_contract() {
    insta::assert_snapshot!(expanded(
        quote!(),
        quote! {
            /// Keeps the contract.
            #[cfg(unix)]
            #[deny(unused)]
            impl<S: Store> contracts::Example for Shop<S> where S: Clone {
                async fn square(&self) -> Result<(), ActionError> {}
                /// Looks at the store.
                #[health_check]
                #[tracing::instrument]
                async fn store(&self) -> Health {}
            }
        },
    ));
}

#[test]
fn every_mistake_in_a_health_check_is_told() {
    insta::assert_debug_snapshot!(errors(
        quote!(name = "example"),
        quote! {
            impl Example {
                #[health_check(nam = "a", cached, slow_after = 5, timeout = "5 weeks", timeout = "1s")]
                unsafe fn one<T>(self, a: A, cx: &mut Context, other: &Context) -> Health {}
                #[health_check(name = "two words", cached = "0s")]
                #[health_check]
                async fn two() -> Health {}
                #[health_check(name = "same")]
                async fn three(&self) -> Health {}
                #[health_check(name = "same")]
                async fn four(&self) -> Health {}
                #[health_check]
                #[action]
                async fn five(&self) -> Health {}
                #[health_check]
                const SIX: u8 = 6;
                #[health_check]
                async fn seven(&self, request) -> Health {}
                #[health_check = "eight"]
                async fn eight(&self) -> Health {}
                #[cfg_attr(unix, health_check)]
                async fn nine(&self) -> Health {}
                #[health_check(name = "ten")]
                #[cfg(a)]
                async fn ten_a(&self) -> Health {}
                #[health_check(name = "ten")]
                #[cfg(not(a))]
                async fn ten_b(&self) -> Health {}
            }
        },
    ));
    insta::assert_debug_snapshot!(errors(
        quote!(name = "example"),
        quote! {
            trait Example {
                #[health_check]
                async fn one(&self) -> Health;
                async fn two(&self) -> Result<(), ActionError>;
                #[cfg_attr(unix, action)]
                async fn three(&self) -> Result<(), ActionError>;
                fn four(&self) -> u8;
            }
        },
    ));
    insta::assert_debug_snapshot!(errors(
        quote!(),
        quote! {
            impl Example for Shop {
                #[health_check]
                fn one(&self) -> Health {}
                #[health_check]
                #[action]
                async fn two(&self) -> Health {}
                #[action]
                async fn three(&self) -> Result<(), ActionError> {}
            }
        },
    ));
}

#[test]
fn documentation_made_by_a_macro_is_the_compilers_to_read() {
    let output = expanded(
        quote!(name = "example"),
        quote! {
            /// First.
            #[doc = concat!("Sec", "ond.")]
            /// Third.
            impl Example {
                #[doc = include_str!("square.md")]
                #[action]
                async fn square(&self) -> Result<(), ActionError> {}
            }
        },
    );
    for expected in [
        r#"::core::concat!("First.\n", concat!("Sec", "ond."), "\nThird.")"#,
        r#".describe(::core::concat!("", include_str!("square.md"), ""))"#,
    ] {
        assert!(output.contains(expected), "{output}");
    }
}

#[test]
fn values_of_another_kind_are_refused_in_our_own_words() {
    insta::assert_debug_snapshot!(errors(
        quote!(name = "example", crate = {}, vis = {}),
        quote! {
            impl Example {
                #[action(switch = {5}, request = {})]
                async fn one(&self) -> Result<(), E> {}
                #[action(switch = [5], timeout = 2s, name = {})]
                async fn two(&self) -> Result<(), E> {}
            }
        },
    ));
}
