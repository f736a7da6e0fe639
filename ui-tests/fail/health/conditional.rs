use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[cfg_attr(unix, health_check)]
    async fn disk(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
