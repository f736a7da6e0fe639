use soa::{ActionError, service};

struct Example;

#[service(nam = "example", name = "example", version = "1.0.0", color = Blue<A, B>)]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
