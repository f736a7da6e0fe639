//! A contract is kept where it can be seen; its client can be seen where the contract can.
#![deny(warnings)]

mod contracts {
    use soa::{ActionError, Value, service};

    #[service(name = "shared", version = "1.0.0")]
    pub(crate) trait Shared {
        #[action]
        async fn echo(&self, request: Value) -> Result<Value, ActionError>;
    }

    pub(crate) mod inner {
        #[soa::service(name = "near", version = "1.0.0")]
        pub(super) trait Near {
            #[action]
            async fn ping(&self) -> Result<(), soa::ActionError>;
        }
    }

    pub(crate) fn near() {
        struct Keeper;

        #[service]
        impl inner::Near for Keeper {
            async fn ping(&self) -> Result<(), ActionError> {
                Ok(())
            }
        }

        let _ = inner::NearClient::local(Keeper).ping();
    }
}

mod server {
    pub(crate) struct Keeper;

    // Only the trait is named, not what was generated beside it.
    #[soa::service]
    impl super::contracts::Shared for Keeper {
        async fn echo(&self, request: soa::Value) -> Result<soa::Value, soa::ActionError> {
            Ok(request)
        }
    }
}

fn main() {
    contracts::near();
    let _ = contracts::SharedClient::local(server::Keeper).echo(soa::Value::Nil);
}
