//! The framework is found through a crate that re-exports it whole.
#![deny(warnings)]

mod framework {
    pub use soa;
}

use framework::soa::{ActionError, Context, Switch, Value, service};

const NEW: Switch = Switch::new(5);

pub struct Inherent;

#[service(name = "inherent", version = "1.0.0", crate = crate::framework::soa)]
impl Inherent {
    #[action(request = Value)]
    async fn echo(&self, request: Value, _cx: &Context) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(name = "echo", switch = NEW)]
    async fn echo_v2(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(blocking)]
    fn wait(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

#[service(name = "contract", version = "1.0.0", crate = crate::framework::soa)]
pub trait Contract {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

#[service(crate = crate::framework::soa)]
impl Contract for Keeper {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

pub struct Keeper;

fn main() {
    let _ = InherentClient::local(Inherent).echo_v2(Value::Nil);
    let _ = ContractClient::local(Keeper).ping();
}
