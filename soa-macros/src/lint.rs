//! The lints that generated code, and handlers as such, are exempt from.
//!
//! A user who denies warnings must not be stopped by code that they did not write. What they did write, the handlers'
//! bodies above all, keeps the levels that they have set: these lists stand on generated items, or before the user's own
//! attributes, which then have the last word.

use proc_macro2::TokenStream;
use quote::quote;

/// The lints that generated code does not answer to.
///
/// Style is not the user's to fix here, nor to hear of twice; a client need not be used where it is
/// generated; a link in the documentation of a handler may lead nowhere from the client; a deprecated action is still served; the types of an action may be less visible than the
/// client; and what a service has to be is written down as a bound that has no parameters.
pub(crate) fn lints() -> TokenStream {
    quote! {
        #[allow(
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            dead_code,
            deprecated,
            nonstandard_style,
            private_interfaces,
            rustdoc::broken_intra_doc_links,
            rustdoc::private_intra_doc_links,
            trivial_bounds,
            unreachable_pub,
        )]
    }
}

/// The lints that object to what the signature of a handler has to be, whether its body makes use
/// of it or not, or that have no use for a function which only the framework calls.
///
/// They come before the attributes of the user, who can so raise them again.
pub(crate) fn handler_lints() -> TokenStream {
    quote! {
        #[allow(
            clippy::missing_const_for_fn,
            clippy::missing_errors_doc,
            clippy::needless_pass_by_value,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self,
        )]
    }
}
