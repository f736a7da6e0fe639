use soa::{Value, service};

struct Failure;

type Result<T> = std::result::Result<T, Failure>;

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn square(&self, request: Value) -> Result<Value> {
        Ok(request)
    }
}

fn main() {}
