use soa::service;

struct Failure;

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), Failure>;
}

struct Kept;

#[service]
impl Example for Kept {
    async fn ping(&self) -> Result<(), Failure> {
        Err(Failure)
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
