use soa::service;

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action]
    const LIMIT: usize = { 3 };
}

fn main() {
    let _ = Example::LIMIT;
}
