use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check(nam = "a", cached = 5)]
    unsafe fn disk<T>(&mut self, size: u64) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
