use soa::service;

trait Contract {
    fn ping(&self);
}

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Contract for Example {
    fn ping(&self) {}
}

fn main() {
    Example.ping();
}
