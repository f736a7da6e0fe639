#[soa::body(closed)]
struct Number(i64);

fn main() {}
