#[soa::body]
union Order {
    number: i64,
    float: f64,
}

fn main() {}
