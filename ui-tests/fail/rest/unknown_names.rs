use soa::{ActionError, service};

#[soa::body]
struct Find {
    id: i64,
    #[serde(rename = "dry-run")]
    dry_run: bool,
}

#[soa::body]
struct Item {
    #[serde(rename(serialize = "number", deserialize = "id"))]
    id: i64,
    name: String,
}

#[soa::body]
struct Nothing {}

struct Example;

#[service(version = "1.0.0", rest = "/tenants/{tenant}")]
impl Example {
    #[action(get = "/items/{ido}/{dry_run}", get = "/things/{id}")]
    async fn find(&self, request: Find) -> Result<Item, ActionError> {
        Ok(Item {
            id: request.id,
            name: String::new(),
        })
    }

    #[action(
        post = "/items",
        body = itm,
        result = id,
        headers("Location" = "/items/{number}/{name}/{id}", "X-Name" = "{nane}"),
    )]
    async fn add(&self, request: Find) -> Result<Item, ActionError> {
        self.find(request).await
    }

    #[action(get = "/nothing/{x}")]
    async fn nothing(&self, request: Nothing) -> Result<(), ActionError> {
        let _ = request;
        Ok(())
    }

    #[action(summary = "No route", result = other)]
    async fn described(&self, request: Find) -> Result<Item, ActionError> {
        self.find(request).await
    }
}

fn main() {
    let _ = ExampleClient::local(Example);
}
