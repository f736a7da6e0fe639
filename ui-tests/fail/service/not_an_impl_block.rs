use soa::service;

#[service(name = "example", version = "1.0.0")]
struct Example;

fn main() {
    let _ = Example;
}
