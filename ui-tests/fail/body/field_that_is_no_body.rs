//! A type in a body that is no body itself.

struct Item;

#[soa::body]
struct Order {
    items: Vec<Item>,
}

fn main() {}
