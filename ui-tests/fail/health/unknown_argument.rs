use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check(slow_afer = "1s")]
    async fn disk(&self) -> Health {
        Health::ok()
    }

    #[health_check(switch = 5)]
    async fn database(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
