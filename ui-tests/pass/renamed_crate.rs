//! The framework is found under the path that `crate` gives.

mod framework {
    pub use ::soa::*;
}

mod inner {
    pub struct Renamed;

    #[crate::framework::service(name = "renamed", version = "1.0.0", crate = crate::framework, vis = pub(crate))]
    impl Renamed {
        #[crate::framework::action]
        async fn ping(&self) -> Result<(), crate::framework::ActionError> {
            Ok(())
        }
    }
}

fn main() {
    let _ = inner::RenamedClient::local(inner::Renamed).ping();
}
