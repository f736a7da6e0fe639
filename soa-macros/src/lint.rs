//! The lints that are allowed in generated code, and on handlers.
//!
//! A user who denies warnings must not be stopped by code that they did not write. Most lints of the compiler and clippy
//! skip tokens of a macro, so each generated item allows only those that can be raised in it: by the user's own
//! names, types and documentation, which it repeats, or by what it refers to. The long list stands once, on the item that
//! repeats the most. One scope around all items cannot replace the lists: the client would be inside of it, and the
//! compiler would call its methods `_::<impl ExampleClient>::square` in errors.
//!
//! The user's own code keeps the levels that the user has set. The lists stand on generated items, or before the user's
//! attributes, which override them.

use proc_macro2::TokenStream;
use quote::quote;

/// Returns the lints allowed in code that repeats names, types and documentation of the user: in the methods of a client,
/// and in the output of derives.
///
/// The style of these is reported at the user's item already. A client need not be used in the crate that it is generated
/// in, may be more visible than the types of its actions, and has deprecated actions too. A link in the documentation of a
/// handler may lead nowhere from the client.
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

/// Returns the lints allowed on the type of a client, which repeats the name of the service and its documentation.
pub(crate) fn client_type_lints() -> TokenStream {
    quote!(#[allow(dead_code, nonstandard_style, rustdoc::all)])
}

/// Returns the lints allowed in the registry of a service, which refers to deprecated handlers too, and has bounds without
/// parameters.
pub(crate) fn registry_lints() -> TokenStream {
    quote!(#[allow(clippy::all, dead_code, deprecated, trivial_bounds)])
}

/// Returns the lints that are raised by the signature that every handler must have.
///
/// They come before the attributes of the user, who can raise them again.
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
