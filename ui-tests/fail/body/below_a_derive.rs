//! The attribute cannot see a derive that stands above it, and derives the trait again.

#[derive(Debug)]
#[soa::body]
struct Order {
    number: i64,
}

fn main() {}
