//! All mistakes are reported, each where it is.

#[soa::body(closd, without = ["Debgu", "Eq"])]
struct Order<'a> {
    number: &'a i64,
    #[cfg_attr(all(), serde(rename = "n"))]
    name: String,
}

fn main() {}
