use std::future::ready;
use std::rc::Rc;

use soa::health::Health;
use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    async fn disk(&self) -> Health {
        let shared = Rc::new(1);
        ready(()).await;
        drop(shared);
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
