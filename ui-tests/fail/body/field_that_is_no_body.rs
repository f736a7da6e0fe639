//! What is in a body has to be one, too.

struct Item;

#[soa::body]
struct Order {
    items: Vec<Item>,
}

fn main() {}
