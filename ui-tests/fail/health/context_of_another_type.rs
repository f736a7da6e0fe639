use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    async fn disk(&self, path: &String) -> Health {
        let _ = path;
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
