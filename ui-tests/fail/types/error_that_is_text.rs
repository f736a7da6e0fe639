use soa::{service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), String> {
        Err("no".to_owned())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
