//! The lints that generated code, and handlers as such, are exempt from.
//!
//! A user who denies warnings must not be stopped by code that they did not write. What they did write, the handlers'
//! bodies above all, keeps the levels that they have set: these lists stand on generated items, or before the user's own
//! attributes, which then have the last word.

use proc_macro2::TokenStream;
use quote::quote;

/// Lints allowed in code that repeats the user's own names, types and documentation: the methods of a client, and what is
/// derived.
///
/// Style is not the user's to fix here, nor to hear of twice. A client need not be used where it is generated, may be more
/// visible than the types of its actions, and serves deprecated actions too; a link in the documentation of a handler may
/// lead nowhere from the client.
pub(crate) fn generated_code_lints() -> TokenStream {
    quote! {
        #[allow(
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            dead_code,
            deprecated,
            nonstandard_style,
            private_interfaces,
            rustdoc::all,
            trivial_bounds,
        )]
    }
}

/// Lints allowed on the type of a client, which has the name of the service and its documentation.
pub(crate) fn client_type_lints() -> TokenStream {
    quote!(#[allow(dead_code, nonstandard_style, rustdoc::all)])
}

/// Lints allowed in the table of a service, which refers to deprecated handlers too, and whose bounds may have no
/// parameters.
pub(crate) fn registry_lints() -> TokenStream {
    quote!(#[allow(clippy::all, dead_code, deprecated, trivial_bounds)])
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
