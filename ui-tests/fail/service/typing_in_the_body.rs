use soa::{ActionError, Context, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn ping(&self, cx: &Context) -> Result<(), ActionError> {
        let number: u64 = cx.;
        Ok(())
    }

    #[action]
    async fn pong(&self) -> Result<(), ActionError> {
        let number: u64 = "text";
        Ok(())
    }
}

fn main() {
    let _ = ExampleClient::local(Example).ping();
    let _ = ExampleClient::local(Example).pong();
}
