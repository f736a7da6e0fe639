//! The framework is found under the path that `crate` gives.

mod framework {
    pub use ::soa::*;
}

mod inner {
    #[crate::framework::body(crate = crate::framework)]
    pub struct Named {
        #[garde(length(min = 1))]
        pub name: String,
    }

    pub struct Renamed;

    #[crate::framework::service(name = "renamed", version = "1.0.0", crate = crate::framework, vis = pub(crate))]
    impl Renamed {
        #[crate::framework::action]
        async fn ping(&self) -> Result<(), crate::framework::ActionError> {
            Ok(())
        }

        #[crate::framework::action]
        async fn echo(&self, named: Named) -> Result<Named, crate::framework::ActionError> {
            Ok(named)
        }
    }
}

fn main() {
    let _ = inner::RenamedClient::local(inner::Renamed).ping();
}
