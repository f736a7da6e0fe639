use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    fn ping(&self) -> impl Future<Output = Result<(), ActionError>> + Send {
        async { Ok(()) }
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
