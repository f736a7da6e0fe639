//! Expansions of the derives, and the texts of all their errors at once.

use proc_macro2::TokenStream;
use quote::quote;

use super::texts;

/// Returns the expansion of `#[derive(Expand)]`, formatted.
fn expanded_places(item: TokenStream) -> String {
    let output = crate::derive_expand::derive(item);
    prettyplease::unparse(&syn::parse2(output).unwrap())
}

#[test]
fn places_for_objects() {
    insta::assert_snapshot!(expanded_places(quote! {
        struct Thing {
            owner_id: Option<Id>,
            #[expand(
                from = owner_id,
                with = owners::OwnersClient::GET_OWNERS,
                request = GetOwnersRequest { owner_ids, deleted: false },
                found = owners,
            )]
            owner: Option<Owner>,
        }
    }));
}

#[test]
fn places_with_all_options() {
    insta::assert_snapshot!(expanded_places(quote! {
        #[expand(crate = crate::framework)]
        pub(crate) struct Page<'a, T: Clone, const N: usize> where T: Send {
            #[expand(nested)]
            items: Vec<[T; N]>,
            r#type: &'a Id,
            #[cfg(feature = "owners")]
            #[expand(
                nested, raise_action_errors,
                from = r#type, with = OwnersClient::GET, request = Get { ids, ..Get::default() }, found = r#match,
            )]
            owner: Option<Box<Owner>>,
        }
    }));
}

#[test]
fn every_mistake_in_a_type_with_places_is_told() {
    let told = |item: TokenStream| {
        let output: Vec<String> = texts(crate::derive_expand::derive(item));
        output
    };
    insta::assert_debug_snapshot!([
        told(quote!(
            enum Thing {
                A,
            }
        )),
        told(quote!(
            union Thing {
                a: u8,
            }
        )),
        told(quote!(
            struct Thing(#[expand(nested)] Owner);
        )),
        told(quote!(
            struct Thing;
        )),
        told(quote!(
            struct Thing {}
        )),
        told(quote! {
            #[expand(krate = ::soa, nested)]
            #[expand]
            struct Thing {
                owner_id: u8,
                #[expand(form = owner_id, with = GET, request = 5, found = "owners", colour)]
                one: Option<Owner>,
                #[expand(nested = 5)]
                two: Option<Owner>,
                #[expand(from = ownerid, from = owner_id, with = OwnersClient::GET, request = Get { a, b }, found = owners)]
                three: Option<Owner>,
                #[expand(from = four, with = OwnersClient::GET, request = Get { ..all() }, found = owners)]
                #[expand(nested)]
                four: Option<Owner>,
                #[expand = "nested"]
                five: Option<Owner>,
                #[expand(from, with =, request = |ids| ids)]
                six: Option<Owner>,
            }
        }),
    ]);
}

#[test]
fn an_enum_of_errors() {
    let output = crate::derive_action_errors::derive(quote! {
        #[derive(Debug, ActionErrors)]
        #[action_error(crate = crate::framework)]
        pub enum LoanError {
            /// There is no such book.
            ///
            /// Not even in the cellar.
            #[action_error(field = "isbn")]
            NoSuchBook,
            #[action_error(code = "LENT", message = "Lent to {reader}", server)]
            LentOut { reader: String, r#type: u8 },
            #[action_error(other)]
            Other(WireError),
        }
    });
    insta::assert_snapshot!(prettyplease::unparse(&syn::parse2(output).unwrap()));
}

#[test]
fn an_enum_of_errors_with_mistakes_implements_its_traits_all_the_same() {
    let output = crate::derive_action_errors::derive(quote! {
        enum LoanError<T> {
            NoSuchBook,
            Lent(T),
        }
    });
    insta::assert_snapshot!(prettyplease::unparse(&syn::parse2(output).unwrap()));
}
