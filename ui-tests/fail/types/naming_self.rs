use soa::{ActionError, service};

trait Named {
    type Request;
}

struct Example;

impl Named for Example {
    type Request = ();
}

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn echo(&self, request: <Self as Named>::Request) -> Result<Option<Self>, ActionError> {
        drop(request);
        Ok(None)
    }
}

fn main() {
    let _ = ExampleClient::local(Example).echo(());
}
