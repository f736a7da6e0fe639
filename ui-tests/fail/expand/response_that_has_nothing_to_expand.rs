#[path = "../../owners.rs"]
mod owners;

use owners::{Owners, OwnersClient};

async fn expand() {
    let _ = OwnersClient::local(Owners).count().expand().await;
}

fn main() {
    let _ = expand;
}
