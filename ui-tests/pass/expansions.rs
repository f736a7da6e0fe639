//! Expansions in all kinds of types.
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic)]

#[path = "../owners.rs"]
#[allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]
mod owners;

mod framework {
    pub(crate) use ::soa::*;
}

/// Nothing is in scope that the struct does not name.
#[no_implicit_prelude]
mod bare {
    use ::core::option::Option;

    use crate::owners::{GetOwnersRequest, Owner, OwnersClient};

    #[derive(::soa::Expand)]
    pub(crate) struct Thing {
        pub(crate) r#type: Option<u64>,
        #[expand(
            from = r#type,
            with = OwnersClient::GET_OWNERS,
            request = GetOwnersRequest { owner_ids, ..::core::default::Default::default() },
            found = owners,
        )]
        pub(crate) owner: Option<Owner>,
    }
}

use std::collections::HashMap;

use owners::{GetOwnersRequest, Owner, Owners, OwnersClient};
use soa::{Client, Expand, LocalTransport, Nullable, Server};

/// Renamed, with parameters and with conditions.
#[derive(Expand)]
#[expand(crate = crate::framework)]
struct Page<'a, T: Clone, const N: usize>
where
    T: Send,
{
    name: &'a str,
    #[expand(nested)]
    items: [T; N],
    #[cfg(any())]
    #[expand(nested)]
    none: NoSuchType,
    #[expand(nested)]
    by_name: HashMap<String, Nullable<Box<bare::Thing>>>,
}

/// An object may be kept in a box, and be found in several ways.
#[derive(Clone, Expand)]
struct Boxed {
    visit: Nullable<u64>,
    #[expand(from = visit, with = OwnersClient::GET_OWNERS, request = GetOwnersRequest { owner_ids, other_ids: vec![] }, found = owners)]
    own: Option<Box<Owner>>,
    response: u64,
    #[expand(raise_action_errors, found = owners, request = GetOwnersRequest { owner_ids, other_ids: vec![String::new()] }, with = crate::owners::OwnersClient::GET_OWNERS, from = response,)]
    finder: Option<std::sync::Arc<Owner>>,
}

macro_rules! made {
    ($name:ident { $source:ident: $id:ty, $field:ident: $ty:ty }) => {
        #[derive(Expand)]
        struct $name {
            $source: $id,
            #[expand(from = $source, with = OwnersClient::GET_OWNERS, request = GetOwnersRequest { owner_ids, other_ids: vec![] }, found = owners)]
            $field: $ty,
        }
    };
}

made!(Made { owner_id: u64, owner: Option<Owner> });

fn main() {
    fn is_expand<T: Expand>(_: &T) {}
    let boxed = Boxed {
        visit: Nullable::Value(1),
        own: None,
        response: 2,
        finder: None,
    };
    let thing = bare::Thing { r#type: Some(1), owner: None };
    let by_name = [(String::new(), Nullable::Value(Box::new(thing)))].into_iter().collect();
    let page = Page { name: "page", items: [boxed.clone()], by_name };
    let made = Made { owner_id: 1, owner: None };
    is_expand(&page);
    is_expand(&(boxed, Some(page.name.len()).map(|_| made)));
    let server = Server::builder(Owners).build().unwrap();
    let client = Client::builder().service("owners", LocalTransport::new(server));
    let _ = client.build().unwrap();
}
