use soa::{ActionError, Value, service};

#[service(name = "example", version = "1.0.0")]
trait Example<'a, T, const N: usize> {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

struct Kept;

#[service]
impl Example<'static, Value, 3> for Kept {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
