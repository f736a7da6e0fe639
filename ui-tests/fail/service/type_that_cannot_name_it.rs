use soa::{ActionError, service};

struct Größe;

#[service]
impl Größe {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let _ = GrößeClient::local(Größe).ping();
}
