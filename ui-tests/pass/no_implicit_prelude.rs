//! Nothing is in scope that the service did not import, and no other crate than `soa` is named.
#![no_implicit_prelude]
#![deny(missing_docs, warnings)]

/// A service.
pub struct Bare;

#[::soa::service(name = "bare", version = "1.0.0")]
impl Bare {
    #[action(request = (), response = ::soa::Value)]
    async fn anything(
        &self,
        request: (),
    ) -> ::core::result::Result<::soa::Value, ::soa::ActionError> {
        self.echo(request);
        ::core::result::Result::Ok(::soa::Value::Nil)
    }

    #[action]
    async fn echoed(
        &self,
        request: ::soa::Value,
        cx: &::soa::Context,
    ) -> ::core::result::Result<::soa::Value, ::soa::ActionError> {
        let _ = cx;
        ::core::result::Result::Ok(request)
    }

    fn echo(&self, _request: ()) {}
}

fn main() {
    let bare = BareClient::local(Bare);
    let _ = bare.anything(());
}
