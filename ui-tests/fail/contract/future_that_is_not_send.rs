use std::future::ready;
use std::rc::Rc;

use soa::{ActionError, service};

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    async fn ping(&self) -> Result<(), ActionError> {
        let shared = Rc::new(1);
        ready(()).await;
        drop(shared);
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
