use soa::health::Health;
use soa::{Context, Value, service};

struct Example;

#[service(name = "example")]
impl Example {
    #[health_check]
    async fn disk(&self, request: Value, cx: &Context) -> Health {
        let _ = (request, cx);
        Health::ok()
    }

    #[health_check]
    async fn database(&self, cx: &mut Context) -> Health {
        let _ = cx;
        Health::ok()
    }
}

fn main() {
    let _ = soa::Server::builder(Example);
}
