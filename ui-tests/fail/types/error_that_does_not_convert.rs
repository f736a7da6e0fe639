use soa::service;

struct Failure;

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), Failure> {
        Err(Failure)
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
