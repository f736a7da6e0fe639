use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    const DISK: u8 = 1;

    #[health_check]
    async fn disk(&self) -> Health {
        let _ = Self::DISK;
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
