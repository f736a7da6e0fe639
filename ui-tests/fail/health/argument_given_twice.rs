use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check(cached = "1s", cached = "2s")]
    #[health_check(timeout = "1s")]
    async fn disk(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
