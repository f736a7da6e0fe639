#[path = "../../owners.rs"]
mod owners;

use owners::Owner;
use soa::Expand;

#[derive(Expand)]
struct Thing {
    owner_id: u64,
    #[expand(from = "owner_id", with = GET_OWNERS, request = |owner_ids| owner_ids, found = 3)]
    owner: Option<Owner>,
}

async fn expand(client: &soa::Client, thing: &mut Thing) {
    let _ = client.expand(thing).await;
}

fn main() {
    let _ = expand;
}
