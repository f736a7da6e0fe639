use std::borrow::Cow;

use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn echo(&self, request: Vec<&str>) -> Result<Cow<'_, str>, ActionError> {
        drop(request);
        Ok(Cow::Borrowed(""))
    }
}

fn main() {
    let _ = ExampleClient::local(Example).echo(vec!["a"]);
}
