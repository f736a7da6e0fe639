#[path = "../../owners.rs"]
mod owners;

use owners::Owner;
use soa::Expand;

#[derive(Expand)]
struct Thing {
    owner_id: u64,
    #[expand]
    owner: Option<Owner>,
}

async fn expand(client: &soa::Client, thing: &mut Thing) {
    let _ = client.expand(thing).await;
}

fn main() {
    let _ = expand;
}
