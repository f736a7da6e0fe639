use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check(name = "the disk")]
    async fn disk(&self) -> Health {
        Health::ok()
    }

    #[health_check]
    async fn _database(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
