use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    async fn disk(&self) -> Health {
        Health::ok()
    }

    #[health_check(name = "disk")]
    async fn other_disk(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
