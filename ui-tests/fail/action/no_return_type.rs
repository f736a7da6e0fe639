use soa::service;

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) {}
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
