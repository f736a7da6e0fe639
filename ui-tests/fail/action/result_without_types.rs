use soa::{service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> std::fmt::Result {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
