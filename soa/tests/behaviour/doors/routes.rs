//! Routes: the mistakes that are found when the doors are made, and the headers of a success.

use axum::body::Body;
use soa::http::{Doors, HttpSettings};
use soa::{ActionError, Server, service};

use super::support::{get, request, send};

#[soa::body]
struct Listed {
    names: Vec<String>,
}

#[soa::body]
struct Place {
    x: i64,
}

#[soa::body]
struct Placed {
    at: Place,
}

#[soa::body]
struct TwoPlaces {
    from: Place,
    to: Place,
}

#[soa::body]
struct Created {
    id: Option<i64>,
    at: Place,
}

#[soa::body]
struct Numbered {
    id: Option<i64>,
}

/// Returns the outcome of opening doors to a service with one action.
macro_rules! open {
    ($verb:ident = $path:literal $(, $argument:ident $value:tt)*; $request:ty => $response:ty) => {{
        struct One;

        #[service(name = "one", version = "1.0.0")]
        impl One {
            #[action($verb = $path $(, $argument $value)*)]
            async fn act(&self, _request: $request) -> Result<$response, ActionError> {
                Err(ActionError::caller("NEVER", "Never called"))
            }
        }

        let server = Server::builder(One).build().unwrap();
        let opened = Doors::new(server.into(), HttpSettings::default());
        opened.map(drop).map_err(|error| error.to_string())
    }};
}

#[test]
fn a_field_that_cannot_be_where_a_route_puts_it_is_told_with_the_way_out() {
    assert_eq!(
        open!(get = "/{names}"; Listed => Numbered),
        Err("action `one.act`, route `GET /{names}`: `names` is a list, and a path holds one value: put it into the query".to_owned())
    );
    assert_eq!(
        open!(get = "/{at}"; Placed => Numbered),
        Err("action `one.act`, route `GET /{at}`: `at` cannot be in a path: numbers, texts, booleans, times and enums of plain names can".to_owned())
    );
    assert_eq!(
        open!(get = "/"; Placed => Numbered),
        Err("action `one.act`, route `GET /`: `at` cannot be in a query, as it has no text form, and the method has no body: make it `post`, or leave out the route and call the action by its name".to_owned())
    );
    assert_eq!(
        open!(post = "/"; TwoPlaces => Numbered),
        Err("action `one.act`, route `POST /`: `to` cannot be in a query, as it has no text form: write `body = to`, or `body = whole` to read all fields from the body".to_owned())
    );
    assert_eq!(open!(get = "/"; Listed => Numbered), Ok(()));
}

#[test]
fn a_field_that_is_not_one_value_cannot_be_in_a_header() {
    assert_eq!(
        open!(post = "/", headers ("Location" = "/{at}"); Numbered => Created),
        Err("action `one.act`, route `POST /`: `at` cannot be in the header `Location`: it is not one value".to_owned())
    );
}

#[test]
fn a_route_cannot_be_where_every_service_has_something_of_its_own() {
    for (told, taken, of) in [
        (
            open!(get = "/docs"; Numbered => Numbered),
            "/docs",
            "the setting `docs`",
        ),
        (
            open!(get = "/docs/of/mine"; Numbered => Numbered),
            "/docs",
            "the setting `docs`",
        ),
        (
            open!(get = "/openapi.json"; Numbered => Numbered),
            "/openapi.json",
            "the setting `docs`",
        ),
        (
            open!(get = "/invoke/mine"; Numbered => Numbered),
            "/invoke",
            "the dispatch door",
        ),
        (
            open!(get = "/call/mine"; Numbered => Numbered),
            "/call/{}",
            "the setting `calls`",
        ),
        (
            open!(get = "/health"; Numbered => Numbered),
            "/health",
            "the health path",
        ),
        (
            open!(get = "/livez/mine"; Numbered => Numbered),
            "/livez",
            "the setting `live`",
        ),
    ] {
        let told = told.unwrap_err();
        let end = format!("is at or below `{taken}`, which is that of {of}");
        assert!(told.ends_with(&end), "{told}");
    }
    assert_eq!(open!(get = "/documents"; Numbered => Numbered), Ok(()));
}

struct Creator;

#[service(name = "creator", version = "1.0.0")]
impl Creator {
    #[action(post = "/things", status = 201, headers("Location" = "/things/{id}"))]
    async fn create(&self, request: Numbered) -> Result<Numbered, ActionError> {
        Ok(request)
    }
}

#[tokio::test]
async fn a_header_whose_field_has_no_value_is_left_out() {
    let router = soa::http::router(Server::builder(Creator).build().unwrap()).unwrap();
    let create = |query: &'static str| {
        let request = request("POST", &format!("/things{query}")).body(Body::empty());
        send(&router, request.unwrap())
    };
    let with = create("?id=7").await;
    assert_eq!(
        (with.status, with.header("location")),
        (201, Some("/things/7"))
    );
    let without = create("").await;
    assert_eq!((without.status, without.header("location")), (201, None));
}

struct Switched;

#[service(name = "switched", version = "1.0.0")]
impl Switched {
    #[action(switch = 5, name = "number", get = "/number")]
    async fn second(&self, _request: Numbered) -> Result<Numbered, ActionError> {
        Ok(Numbered { id: Some(2) })
    }

    #[action(name = "number", get = "/number")]
    async fn first(&self, _request: Numbered) -> Result<Numbered, ActionError> {
        Ok(Numbered { id: Some(1) })
    }
}

#[tokio::test]
async fn a_variant_may_stand_before_the_default_whose_route_it_shares() {
    let router = soa::http::router(Server::builder(Switched).build().unwrap()).unwrap();
    let number = async |switches: &str| {
        let request = request("GET", "/number").header("x-soa-switches", switches);
        send(&router, request.body(Body::empty()).unwrap())
            .await
            .text()
    };
    assert_eq!(number("1").await, "1");
    assert_eq!(number("5").await, "2");
}

#[soa::body]
enum Colour {
    Red,
    Green,
}

#[soa::body]
struct Painted {
    colour: Option<Colour>,
    #[garde(range(min = 1))]
    layers: Option<u8>,
}

struct Painter;

#[service(name = "painter", version = "1.0.0")]
impl Painter {
    #[action(get = "/paint")]
    async fn paint(&self, _request: Painted) -> Result<(), ActionError> {
        Ok(())
    }
}

#[tokio::test]
async fn the_type_of_a_wrong_field_tells_a_wrong_name_from_a_broken_rule_and_from_no_number() {
    let router = soa::http::router(Server::builder(Painter).build().unwrap()).unwrap();
    for (query, expected) in [
        ("colour=blue", "enum"),
        ("layers=0", "value_error"),
        ("layers=300", "value_error"),
        ("layers=x", "int_parsing"),
    ] {
        let answer = get(&router, &format!("/paint?{query}")).await;
        assert_eq!(answer.status, 422, "{query}");
        let start = format!(r#"{{"detail":[{{"type":"{expected}","#);
        let text = answer.text();
        assert!(text.starts_with(&start), "{query}: {text}");
    }
    assert_eq!(
        get(&router, "/paint?colour=Red&layers=1").await.text(),
        "null"
    );
}
