#[path = "../../owners.rs"]
mod owners;

use owners::{GetOwnersRequest, Owner, OwnersClient};
use soa::Expand;

#[derive(Expand)]
enum Thing {
    Owned { owner_id: u64, owner: Option<Owner> },
    Free(GetOwnersRequest, OwnersClient),
}

async fn expand(client: &soa::Client, thing: &mut Thing) {
    let _ = client.expand(thing).await;
}

fn main() {
    let _ = expand;
}
