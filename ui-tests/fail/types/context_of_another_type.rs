use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self, cx: &str) -> Result<(), ActionError> {
        drop(cx.to_owned());
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
