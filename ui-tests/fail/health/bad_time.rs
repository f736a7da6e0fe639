use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check(cached = "10 sec", slow_after = 5, timeout = "0s")]
    async fn disk(&self) -> Health {
        Health::ok()
    }

    #[health_check(cached, timeout = LIMIT)]
    async fn database(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
