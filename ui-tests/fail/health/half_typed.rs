use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    async fn disk(&self, cx) -> Health {
        Health::ok()
    }

    #[health_check(cached = )]
    async fn database(&self) -> Health {
        Health::
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
