use soa::health::Health;
use soa::health_check;

struct Example;

impl Example {
    #[health_check]
    async fn disk(&self) -> Health {
        Health::ok()
    }
}

fn main() {
    let _ = Example.disk();
}
