//! A raw identifier is a name like any other in a contract, too.
#![deny(warnings)]

use soa::{ActionError, Service, Value, service};

#[allow(non_camel_case_types)]
#[service(name = "trait", version = "1.0.0")]
pub trait r#trait {
    #[action]
    async fn r#type(&self, r#in: Value) -> Result<Value, ActionError>;

    #[action(name = "type", switch = 5)]
    async fn r#match(&self, r#in: Value) -> Result<Value, ActionError>;
}

#[allow(non_camel_case_types)]
pub struct r#struct;

#[service]
impl r#trait for r#struct {
    async fn r#type(&self, r#in: Value) -> Result<Value, ActionError> {
        Ok(r#in)
    }

    async fn r#match(&self, r#in: Value) -> Result<Value, ActionError> {
        Ok(r#in)
    }
}

fn main() {
    assert_eq!(traitClient::TYPE.name(), "type");
    assert_eq!(traitClient::MATCH.name(), "type");
    assert_eq!(r#struct::DESCRIPTOR.actions().len(), 2);
    let _ = traitClient::local(r#struct).r#match(Value::Nil);
}
