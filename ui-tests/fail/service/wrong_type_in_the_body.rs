use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        let number: u64 = "text";
        drop(number);
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
