//! Contracts that name the component by which their service is found.

use std::sync::{Arc, Mutex};

use soa::transport::{ClientTransport, ComponentSource};
use soa::{
    ActionError, BuildError, Client, Component, Context, LocalTransport, Server, TypedClient,
    service,
};

#[soa::body]
struct Place {
    place: String,
}

/// Tells where it was called.
#[service(name = "books", version = "1.0.0", component = "library")]
trait Books {
    #[action]
    async fn place(&self) -> Result<Place, ActionError>;
}

struct At(&'static str);

#[service]
impl Books for At {
    async fn place(&self) -> Result<Place, ActionError> {
        let place = self.0.to_owned();
        Ok(Place { place })
    }
}

/// A service that calls the other one.
struct Desk;

#[service(name = "desk", version = "1.0.0", calls("books"))]
impl Desk {
    #[action]
    async fn ask(&self, cx: &Context) -> Result<Place, ActionError> {
        let books: BooksClient = cx.client();
        Ok(books.place().await?)
    }
}

/// A registry that knows the library, and who was looked up in it.
#[derive(Clone, Default)]
struct Registry(Arc<Mutex<Vec<String>>>);

impl ComponentSource for Registry {
    fn transport(
        &self,
        component: &str,
        channel: Option<&str>,
    ) -> Result<Arc<dyn ClientTransport>, BuildError> {
        assert_eq!(channel, None);
        self.0.lock().unwrap().push(component.to_owned());
        if component != "library" {
            return Err(BuildError::new(format!("`{component}` is unknown")));
        }
        let server = Server::builder(At("the registry")).build()?;
        Ok(Arc::new(LocalTransport::new(server)))
    }
}

async fn place(client: &Client) -> String {
    BooksClient::new(client).place().await.unwrap().place
}

#[tokio::test]
async fn a_contract_that_names_its_component_is_found_in_the_registry_once() {
    assert_eq!(BooksClient::DESCRIPTOR.component(), Some("library"));
    let registry = Registry::default();
    let client = Client::builder().components(registry.clone());
    let client = client.build().unwrap();
    for _ in 0..3 {
        assert_eq!(place(&client).await, "the registry");
    }
    assert_eq!(*registry.0.lock().unwrap(), ["library"]);
}

#[tokio::test]
async fn a_handler_finds_the_component_of_the_service_that_it_calls() {
    let client = Client::builder().components(Registry::default());
    let desk = Server::builder(Desk).client(client.build().unwrap());
    let answer = DeskClient::local(desk).ask().await.unwrap();
    assert_eq!(answer.place, "the registry");
}

#[tokio::test]
async fn a_route_and_a_service_of_the_process_go_before_the_registry() {
    let registry = Registry::default();
    let routed = LocalTransport::new(Server::builder(At("the route")).build().unwrap());
    let client = Client::builder().components(registry.clone());
    let client = client.service("books", routed).build().unwrap();
    assert_eq!(place(&client).await, "the route");

    let client = Client::builder().components(registry.clone());
    let desk = Server::builder(Desk).client(client.build().unwrap());
    let both = Component::builder("both").service(At("the neighbour"));
    let both = both.service(desk).build().unwrap();
    let desk = both
        .services()
        .iter()
        .find(|server| server.name() == "desk");
    let desk = DeskClient::local(desk.unwrap().clone());
    assert_eq!(desk.ask().await.unwrap().place, "the neighbour");
    assert!(registry.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_registry_and_without_types_there_is_no_route() {
    let alone = Client::builder().build().unwrap();
    let error = BooksClient::new(&alone).place().await.unwrap_err();
    assert!(error.to_string().contains("no route"), "{error}");
    let client = Client::builder().components(Registry::default());
    let client = client.build().unwrap();
    let error = client.call_action("books", "place", &()).await.unwrap_err();
    assert!(error.to_string().contains("no route"), "{error}");
}
