#[soa::body]
struct Page {
    size: u8,
}

#[soa::body(closed)]
struct Search {
    text: String,
    #[serde(flatten)]
    page: Page,
}

fn main() {}
