//! Several components at one address.

use axum::Router;
use axum::body::Body;
use soa::http::{Doors, HttpSettings};
use soa::{ActionError, Channel, Component, ComponentBuilder, service};

use super::support::{JSON, MSGPACK, get, request, send};

#[soa::body]
struct Told {
    result: String,
}

struct Books;

#[service(name = "books", version = "1.0.0", rest = "/books")]
impl Books {
    #[action(get = "/open")]
    async fn open(&self) -> Result<Told, ActionError> {
        let result = "books".to_owned();
        Ok(Told { result })
    }
}

struct Orders;

#[service(name = "orders", version = "1.0.0", rest = "/orders")]
impl Orders {
    #[action(get = "/open")]
    async fn open(&self) -> Result<Told, ActionError> {
        let result = "orders".to_owned();
        Ok(Told { result })
    }

    /// Has a name that clients of Aspyx cannot call.
    #[action]
    async fn create(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn library() -> ComponentBuilder {
    Component::builder("library").service(Books)
}

fn shop() -> ComponentBuilder {
    Component::builder("shop")
        .service(Orders)
        .health_path("/shop/health")
}

fn built(all: [ComponentBuilder; 2]) -> Vec<Component> {
    ComponentBuilder::build_all(all).unwrap()
}

fn router(all: [ComponentBuilder; 2]) -> Router {
    let doors = Doors::of_all(built(all), HttpSettings::default());
    doors.unwrap().into_router()
}

async fn invoke(router: &Router, method: &str) -> String {
    let body = format!(r#"{{"method":"{method}","args":[]}}"#);
    let request = request("POST", "/invoke").header("content-type", JSON);
    let answer = send(router, request.body(Body::from(body)).unwrap()).await;
    answer.text()
}

#[tokio::test]
async fn several_components_share_an_address_and_are_told_apart_by_name() {
    let router = router([library(), shop()]);
    let told = |result: &str| format!(r#"{{"result":"{result}","exception":null}}"#);
    assert_eq!(invoke(&router, "library:books:open").await, told("books"));
    assert_eq!(invoke(&router, "shop:orders:open").await, told("orders"));
    // A client may know a component by another name, but not by that of one that is here.
    assert_eq!(
        invoke(&router, "old-shop:orders:open").await,
        told("orders")
    );
    let refused = invoke(&router, "library:orders:open").await;
    assert!(
        refused.contains("There is no service `orders` in the component `library`"),
        "{refused}"
    );
    for path in ["/books/open", "/orders/open", "/health", "/shop/health"] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
    }
    let document = get(&router, "/openapi.json").await.text();
    assert!(
        document.contains(r#""title":"library, shop""#),
        "{document}"
    );
    assert!(document.contains("/shop/health"));
}

#[tokio::test]
async fn each_component_has_its_own_channels() {
    let only_json = shop().channels([Channel::Json]);
    let router = router([library(), only_json]);
    assert_eq!(get(&router, "/books/open").await.status, 200);
    assert_eq!(get(&router, "/orders/open").await.status, 404);
    assert!(invoke(&router, "shop:orders:open").await.contains("orders"));
    let call = soa::value!({ "method": "shop:orders:open", "args": [] });
    let body = soa::codec::msgpack::to_vec(&call).unwrap();
    let request = request("POST", "/invoke").header("content-type", MSGPACK);
    let refused = send(&router, request.body(Body::from(body)).unwrap()).await;
    let refused = refused.text();
    assert!(
        refused.contains("The component `shop` has no channel `dispatch-msgpack`"),
        "{refused}"
    );
}

#[tokio::test]
async fn the_report_has_every_component_with_its_state() {
    let all = built([library(), shop().channels([Channel::Json])]);
    let doors = Doors::of_all(all.clone(), HttpSettings::default()).unwrap();
    let router = doors.into_router();
    all[1].start().await.unwrap();
    let request = request("GET", "/report").header("host", "h:1");
    let report = send(&router, request.body(Body::empty()).unwrap()).await;
    let expected = "library(Library)\n\timplementation: Library\n\thealth: /health\n\
        \taddresses: rest(http://h:1), dispatch-json(http://h:1), dispatch-msgpack(http://h:1), call(http://h:1/call)\n\
        \tservices:\n\t\tbooks(Books)\n\
        shop(Shop)\n\timplementation: Shop\n\thealth: /shop/health\n\
        \taddresses: dispatch-json(http://h:1)\n\tstate: running\n\
        \tservices:\n\t\torders(Orders)\n";
    assert_eq!(report.text(), expected);
}

#[test]
fn health_paths_that_collide_are_refused() {
    let all = built([library(), shop().health_path("/health/")]);
    let refused = Doors::of_all(all, HttpSettings::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the health path of `library` and the health path of `shop` have the same path `/health`"
    );
}

#[test]
fn services_of_the_same_name_are_refused() {
    let one = library().build().unwrap();
    let other = Component::builder("other").service(Books).build().unwrap();
    let refused = Doors::of_all([one, other], HttpSettings::default()).unwrap_err();
    assert_eq!(refused.to_string(), "two services have the name `books`");
}
