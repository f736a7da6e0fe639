#[soa::body]
fn order() {}

fn main() {
    order();
}
