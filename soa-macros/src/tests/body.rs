//! Expansions of `#[soa::body]`.

use proc_macro2::TokenStream;
use quote::quote;

/// Returns the expansion, formatted.
fn expanded(arguments: TokenStream, item: TokenStream) -> String {
    let output = crate::body::expand(arguments, item);
    prettyplease::unparse(&syn::parse2(output).unwrap())
}

#[test]
fn a_body_without_rules() {
    insta::assert_snapshot!(expanded(
        quote!(),
        quote! {
            /// An order.
            pub struct Order {
                pub items: Vec<Item>,
                pub note: Option<String>,
            }
        }
    ));
}

#[test]
fn a_closed_body_with_rules_and_names() {
    insta::assert_snapshot!(expanded(
        quote!(closed, crate = crate::framework, package = "people.types"),
        quote! {
            #[derive(Debug, PartialEq)]
            #[serde(rename_all = "camelCase")]
            struct Person {
                #[garde(length(chars, min = 1))]
                first_name: String,
                #[serde(rename(deserialize = "in", serialize = "out"), alias = "old")]
                both: String,
                #[serde(deserialize_with = "number_or_text")]
                age: u32,
                #[cfg(feature = "address")]
                home: Address,
            }
        }
    ));
}

#[test]
fn an_enum_with_a_tag() {
    insta::assert_snapshot!(expanded(
        quote!(without = "Debug"),
        quote! {
            #[serde(tag = "kind", rename_all = "snake_case")]
            enum Shape<T> {
                None,
                Circle { #[garde(range(min = 1))] radius: u64 },
                #[serde(alias = "old")]
                Other(T),
            }
        }
    ));
}
