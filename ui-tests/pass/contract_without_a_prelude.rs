//! A contract and who keeps it need nothing in scope.
#![no_implicit_prelude]
#![deny(missing_docs, warnings)]

/// A contract.
#[::soa::service(name = "bare", version = "1.0.0")]
pub trait Bare {
    /// Repeats.
    #[action(request = ::soa::Value, response = ::soa::Value)]
    async fn echo(
        &self,
        request: ::soa::Value,
        cx: &::soa::Context,
    ) -> ::core::result::Result<::soa::Value, ::soa::ActionError>;

    /// Repeats, too.
    #[action(name = "echo", switch = 5)]
    async fn echo_v2(
        &self,
        request: ::soa::Value,
    ) -> ::core::result::Result<::soa::Value, ::soa::ActionError> {
        ::core::result::Result::Ok(request)
    }

    /// Waits.
    #[action(blocking)]
    fn wait(&self) -> ::core::result::Result<(), ::soa::ActionError>;
}

/// Keeps it.
pub struct Keeper;

#[::soa::service]
impl Bare for Keeper {
    async fn echo(
        &self,
        request: ::soa::Value,
        cx: &::soa::Context,
    ) -> ::core::result::Result<::soa::Value, ::soa::ActionError> {
        let _ = cx;
        ::core::result::Result::Ok(request)
    }

    fn wait(&self) -> ::core::result::Result<(), ::soa::ActionError> {
        ::core::result::Result::Ok(())
    }
}

fn main() {
    let bare = BareClient::local(Keeper);
    let _ = bare.echo_v2(::soa::Value::Nil);
    let _ = bare.wait();
}
