#[path = "../../owners.rs"]
mod owners;

use owners::{GetOwnersRequest, Owner, OwnersClient};
use soa::Expand;

#[derive(Expand)]
struct Thing {
    owner_id: u64,
    #[expand(from = owner_id, with = OwnersClient::COUNT, request = GetOwnersRequest { owner_ids, other_ids: Vec::new() }, found = owners)]
    owner: Option<Owner>,
}

async fn expand(client: &soa::Client, thing: &mut Thing) {
    let _ = client.expand(thing).await;
}

fn main() {
    let _ = expand;
}
