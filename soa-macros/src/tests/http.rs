//! Declarations of services and actions for HTTP.

use quote::quote;

use super::{errors, expanded};

#[test]
fn a_service_over_rest() {
    insta::assert_snapshot!(expanded(
        quote!(
            rest = "/example",
            package = "example_api",
            component = "example-component",
            version = "1.0.0"
        ),
        quote! {
            impl ExampleRest {
                /// Adds an item.
                #[action(
                    post = "/items", put = "/items/{id}", body = item, result = whole, status = 201,
                    headers("Location" = "/example/items/{id}"), summary = "Add", description = "Adds it.",
                    tags("items", "changes"), idempotent,
                )]
                async fn add(&self, request: Add) -> Result<Item, ItemError> {}
            }
        },
    ));
}

#[test]
fn every_mistake_in_what_is_for_http_is_told() {
    insta::assert_debug_snapshot!(errors(
        quote!(
            name = "example",
            rest = "example",
            package = "example-api",
            component = "a component"
        ),
        quote! {
            impl Example {
                #[action(get = "items", post = "/items/a{id}", put = "/{id}/{id}", patch = "/items/{}", delete = "/a b")]
                async fn paths(&self, request: Value) -> Result<Value, ActionError> {}

                #[action(get = 3, post = "/a?b", body = "item", result = 3, status = 99, status = 200)]
                async fn values(&self, request: Value) -> Result<Value, ActionError> {}

                #[action(status = "201", headers = "Location", tags("a", 3), post = "/a")]
                async fn lists(&self, request: Value) -> Result<Value, ActionError> {}

                #[action(status = 201u16, headers(Location = "a"), tags(), get = "/{*rest}")]
                async fn more_lists(&self, request: Value) -> Result<Value, ActionError> {}

                #[action(headers("Location"), tags("a" "b"), summary)]
                async fn half_lists(&self, request: Value) -> Result<Value, ActionError> {}

                #[action(headers("A b" = "a\nb"), get = "/headers")]
                async fn letters(&self, request: Value) -> Result<Value, ActionError> {}

                #[action(headers("Location" = "/"), body = whole)]
                async fn no_route(&self, request: Value) -> Result<Value, ActionError> {}

                #[action(get = "/no_body", delete = "/no_body", body = item)]
                async fn no_body(&self, request: Value) -> Result<Value, ActionError> {}
            }
        },
    ));
}

#[test]
fn routes_may_not_meet() {
    insta::assert_debug_snapshot!(errors(
        quote!(name = "example"),
        quote! {
            impl Example {
                #[action(get = "/a/{x}", post = "/a", get = "/a/{z}")]
                async fn first(&self, request: Value) -> Result<Value, ActionError> {}
                #[action(get = "/a/{y}", put = "/a", get = "/a")]
                async fn second(&self, request: Value) -> Result<Value, ActionError> {}
                #[action(name = "first", switch = 2, get = "/a/{x}")]
                async fn variant(&self, request: Value) -> Result<Value, ActionError> {}
                #[action(delete = "/b")]
                #[cfg(unix)]
                async fn on_unix(&self, request: Value) -> Result<Value, ActionError> {}
                #[action(delete = "/b")]
                #[cfg(not(unix))]
                async fn elsewhere(&self, request: Value) -> Result<Value, ActionError> {}
            }
        },
    ));
}
