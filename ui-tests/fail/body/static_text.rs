//! Text that lives for ever cannot be read from a message, alone or in a list.

#[soa::body]
struct Order {
    name: &'static str,
    notes: Vec<&'static str>,
}

fn main() {}
