//! The server that fuzz targets and measurements call.

use soa::{ActionError, Context, Server, Value, service};

use crate::{Flat, Tagged, Tree, Wire};

/// A service whose actions answer with their requests.
#[derive(Debug)]
pub struct Fuzzed;

#[service(name = "example", version = "1.0.0")]
impl Fuzzed {
    #[action]
    async fn wire(&self, body: Wire) -> Result<Wire, ActionError> {
        Ok(body)
    }

    #[action]
    async fn flat(&self, body: Flat) -> Result<Flat, ActionError> {
        Ok(body)
    }

    #[action]
    async fn tagged(&self, body: Tagged) -> Result<Tagged, ActionError> {
        Ok(body)
    }

    #[action]
    async fn tree(&self, body: Tree) -> Result<Tree, ActionError> {
        Ok(body)
    }

    #[action]
    async fn nothing(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

/// Creates the server: the typed actions of the service, and `echo` and `square`, which take anything. The captured requests
/// at the beginning of the corpus call these two.
pub fn server() -> Server {
    let echo = |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) };
    let builder = Server::builder(Fuzzed)
        .action("echo", echo)
        .action("square", echo);
    builder.build().expect("the server can be built")
}
