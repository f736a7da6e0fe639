use std::cell::Cell;

use soa::{ActionError, service};

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

struct Kept(Cell<u8>);

#[service]
impl Example for Kept {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = Kept(Cell::new(1));
}
