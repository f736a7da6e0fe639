use soa::{ActionError, service};

type Outcome = Result<(), ActionError>;

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Outcome {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
