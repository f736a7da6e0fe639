use soa::service;

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    async fn disk(&self) -> bool {
        true
    }

    #[health_check]
    async fn database(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
