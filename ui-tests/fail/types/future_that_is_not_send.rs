use std::future::ready;
use std::rc::Rc;

use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        let shared = Rc::new(1);
        ready(()).await;
        drop(shared);
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
}
