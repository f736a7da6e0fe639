use std::cell::Cell;

use soa::{ActionError, service};

struct Example(Cell<u8>);

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = Example(Cell::new(1));
}
