use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    async fn disk() -> Health {
        Health::ok()
    }

    #[health_check]
    async fn database(&mut self) -> Health {
        Health::ok()
    }

    #[health_check]
    async fn any<T>(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
