#[path = "../../owners.rs"]
mod owners;

use owners::{GetOwnersRequest, Owner, OwnersClient};
use soa::Expand;

#[derive(Expand)]
#[expand(crat = ::soa)]
struct Thing {
    owner_id: u64,
    #[expand(from = owner, with = OwnersClient::GET_OWNERS, request = GetOwnersRequest { owner_ids: vec![] }, found = owners)]
    owner: Option<Owner>,
    #[expand]
    other: Option<Owner>,
    #[expand(form = owner_id, nestd)]
    third: Option<Owner>,
}

async fn expand(client: &soa::Client, thing: &mut Thing) {
    let _ = client.expand(thing).await;
}

fn main() {
    let _ = expand;
}
