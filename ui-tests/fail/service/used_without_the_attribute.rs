use soa::Server;

struct Example;

impl Example {
    fn ping(&self) {}
}

fn main() {
    Example.ping();
    let _ = Server::builder(Example);
}
