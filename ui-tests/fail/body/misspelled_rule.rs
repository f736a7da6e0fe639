//! Rules are garde's, and so are the errors about them.

#[soa::body]
struct Order {
    #[garde(lenght(min = 1))]
    items: Vec<String>,
}

fn main() {}
