//! A body needs no name in scope, and no dependency for its derives.
#![no_implicit_prelude]
#![deny(missing_docs, missing_debug_implementations, unreachable_pub, warnings)]

/// A body.
#[::soa::body(closed)]
pub struct Order {
    /// The ordered items.
    pub items: ::std::vec::Vec<Item>,
    /// The way of sending.
    pub shipping: ::core::option::Option<Shipping>,
}

/// A body within a body.
#[::soa::body]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The number of the article.
    #[serde(alias = "number")]
    pub article_number: ::std::string::String,
}

/// An enum.
#[::soa::body]
pub enum Shipping {
    /// By mail.
    Mail,
    /// By a messenger.
    Messenger {
        /// Their name.
        name: ::std::string::String,
    },
}

fn main() {}
