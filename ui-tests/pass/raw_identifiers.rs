//! A raw identifier is a name like any other: on the wire it has no `r#`.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Service, service};

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
struct Number {
    #[garde(skip)]
    number: u64,
}

#[allow(non_camel_case_types)]
pub struct r#struct;

#[service(name = "struct", version = "1.0.0")]
impl r#struct {
    #[action]
    async fn r#type(&self, r#in: Number) -> Result<Number, ActionError> {
        Ok(r#in)
    }
}

fn main() {
    assert_eq!(structClient::TYPE.name(), "type");
    assert_eq!(r#struct::DESCRIPTOR.actions().len(), 1);
    let _ = structClient::local(r#struct).r#type(Number { number: 1 });
}
