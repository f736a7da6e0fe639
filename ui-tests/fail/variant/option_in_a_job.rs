use soa::{ActionError, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    async fn user(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = 5)]
    async fn user_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let client = soa::Client::builder().build().unwrap();
    let example = ExampleClient::new(&client);
    let _ = client.job((example.user().switch(5), example.user_v2()));
}
