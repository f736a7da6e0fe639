use soa::{ActionError, Value, service};

struct Example;

#[service(name = "example", version = "1.0.0")]
impl Example {
    #[action(post = "/a", body = "item", result = 3)]
    async fn no_names(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/b", status = 99)]
    async fn too_small(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/c", status = 600)]
    async fn too_large(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/d", status = "201")]
    async fn in_quotes(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/e", headers(Location = "/e"))]
    async fn header_without_quotes(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/f", headers("Location"))]
    async fn header_without_a_value(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/g", headers = "Location")]
    async fn no_parentheses(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/h", headers("My Header" = "a\nb"))]
    async fn letters(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/i", tags("a", 3))]
    async fn tag_without_quotes(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action(post = "/j", tags())]
    async fn no_tags(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }
}

fn main() {
    let _ = ExampleClient::local(Example);
}
