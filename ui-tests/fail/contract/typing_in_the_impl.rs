use soa::{ActionError, Context, service};

#[service(name = "example", version = "1.0.0")]
trait Example {
    #[action]
    async fn ping(&self, cx: &Context) -> Result<(), ActionError>;
}

struct Kept;

#[service]
impl Example for Kept {
    async fn ping(&self, cx: &Context) -> Result<(), ActionError> {
        let _ = cx.;
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Kept).ping();
}
