//! The document: names, texts, errors, security, variants, and its way over HTTP.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use soa::__private::{HttpDeclared, Method, Route, Switch, Variant};
use soa::middleware::{JobStage, Next, from_fn};
use soa::{
    Action, ActionDescriptor, ActionError, Component, Context, Declared, ErrorDescriptor,
    JobRequest, Server, Service, ServiceDescriptor, Value,
};

use crate::support::{actions, at, document, mistakes, send, send_request};
use crate::types;

#[soa::body]
pub(crate) struct Find {
    /// Number on the cover.
    isbn: String,
    #[serde(default)]
    limit: u8,
}

#[soa::body]
pub(crate) struct Change {
    isbn: String,
    title: String,
    year: Option<i32>,
}

#[soa::body]
pub(crate) struct Book {
    /// The title, as it is printed.
    title: String,
}

const FIND: Action<Find, Book> = Action::new("find").declared(
    &Declared::new()
        .requires(&["books.read", "books.find"])
        .http(HttpDeclared::new().routes(&[
            Route::new(Method::Get, "/books/{isbn}"),
            Route::new(Method::Get, "/library/{isbn}"),
        ])),
);
const CHANGE: Action<Change, Book> = Action::new("change").declared(
    &Declared::new().http(
        HttpDeclared::new()
            .routes(&[Route::new(Method::Put, "/books/{isbn}")])
            .body(soa::__private::BodyForm::Whole)
            .status(201)
            .headers(&[("Location", "/books/{isbn}")])
            .summary("Change it")
            .description("A *declared* text.")
            .tags(&["books", "writing"]),
    ),
);
/// The same path, with another name in it.
const REMOVE: Action<Removal, ()> = Action::new("remove").declared(
    &Declared::new()
        .http(HttpDeclared::new().routes(&[Route::new(Method::Delete, "/books/{number}")])),
);
const OLD: Action<(), ()> = Action::new("old_one");

#[soa::body]
pub(crate) struct Removal {
    number: String,
}

const SWITCHES: &[Option<Switch>] = &[None, Some(Switch::new(5))];
const PLAIN: Action<Find, Book> = Action::new("varied").variant(&Variant {
    switch: None,
    family: SWITCHES,
});
const VARIED: Action<Find, types::Leaf> = Action::new("varied").variant(&Variant {
    switch: Some(Switch::new(5)),
    family: SWITCHES,
});

const ERRORS: &[ErrorDescriptor] = &[
    ErrorDescriptor::caller("NO_SUCH_BOOK", "There is no book {isbn}").with_status(404),
    ErrorDescriptor::caller("LENT", "It is lent")
        .with_status(409)
        .with_headers(&[("Retry-After", "60")]),
    ErrorDescriptor::caller("RESERVED", "Somebody waits for it").with_status(409),
    ErrorDescriptor::caller("ODD", "The number is odd").with_status(422),
    ErrorDescriptor::server("LOST", "It is lost"),
];

const DESCRIBED: &[ActionDescriptor] = &[
    FIND.describe("Finds a book\nby its number.\n\n# Limits\nOne.\n\nArgs:\n  limit: how many")
        .errors(ERRORS),
    CHANGE.describe("Not shown.\n\nArgs:\n    title: the new one"),
    REMOVE.describe(""),
    OLD.describe("Is old.").deprecated(true),
    PLAIN.describe(""),
    VARIED.describe(""),
];

struct Library;

type Outcome<T> = Result<T, ActionError>;

impl Service for Library {
    const DESCRIPTOR: &'static ServiceDescriptor =
        &ServiceDescriptor::new("library", "2.0.0", "Lends *books*.", DESCRIBED);

    actions! {
        FIND => |request: Find| Outcome::Ok(Book { title: request.isbn }),
        CHANGE => |request: Change| Outcome::Ok(Book { title: request.title }),
        REMOVE => |_: Removal| Outcome::Ok(()),
        OLD => |(): ()| Outcome::Ok(()),
        PLAIN => |request: Find| Outcome::Ok(Book { title: request.isbn }),
        VARIED => |_: Find| Outcome::Ok(types::Leaf::default()),
    }
}

fn library() -> Server {
    let known = from_fn(|job: JobRequest, next: Next<JobStage>| async move { next.run(job).await });
    let echo = |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) };
    let server = Server::builder(Library).job_middleware(known.authenticating());
    server.action("echo", echo).build().unwrap()
}

fn operation(document: &Json, path: &str, method: &str) -> Json {
    let found = document.pointer(&at(path, method));
    found
        .unwrap_or_else(|| panic!("no {method} {path}"))
        .clone()
}

#[test]
fn documents_of_all_kinds_of_components_are_valid() {
    let untyped = Server::untyped("tools", "1.0.0").build().unwrap();
    let both = Component::builder("both")
        .service(library())
        .service(types::Types)
        .build()
        .unwrap();
    for component in [
        Component::from(untyped),
        library().into(),
        both,
        types::COMPONENT.clone(),
    ] {
        let name = component.name().to_owned();
        assert_eq!(mistakes(&document(component)), [""; 0], "{name}");
    }
}

#[test]
fn a_service_gives_its_document_a_title_a_version_and_a_description() {
    let info = &document(library())["info"];
    let expected =
        json!({ "title": "library", "version": "2.0.0", "description": "Lends *books*." });
    assert_eq!(*info, expected);
    let component = Component::builder("shop")
        .description("sells")
        .service(library())
        .service(types::Types);
    let info = document(component.build().unwrap())["info"].clone();
    assert_eq!(
        info,
        json!({ "title": "shop", "version": "2.0.0", "description": "sells" })
    );
}

#[test]
fn texts_come_from_declarations_and_else_from_the_doc_comment() {
    let document = document(library());
    let find = operation(&document, "/books/{isbn}", "get");
    assert_eq!(find["summary"], "Finds a book by its number.");
    let text =
        "Finds a book\nby its number.\n\n# Limits\nOne.\n\nRequires `books.read`, `books.find`.";
    assert_eq!(find["description"], text);
    assert_eq!(find["tags"], json!(["Library"]));
    assert_eq!(find["parameters"][0]["description"], "Number on the cover.");
    assert_eq!(find["parameters"][1]["description"], "how many");
    let answer = &find["responses"]["200"];
    assert_eq!(answer["description"], "The title, as it is printed.");
    let change = operation(&document, "/books/{isbn}", "put");
    assert_eq!(change["summary"], "Change it");
    assert_eq!(change["description"], "A *declared* text.");
    assert_eq!(change["tags"], json!(["books", "writing"]));
    let body = &change["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["properties"]["title"]["description"], "the new one");
    assert_eq!(body["required"], json!(["title"]));
    assert_eq!(body["properties"]["isbn"], Json::Null);
    let remove = operation(&document, "/books/{isbn}", "delete");
    assert_eq!(remove["summary"], "Remove");
    assert_eq!(remove["description"], Json::Null);
    let tags = json!([
        { "name": "Library", "description": "Lends *books*." }, { "name": "books" }, { "name": "writing" }
    ]);
    assert_eq!(document["tags"], tags);
}

#[test]
fn names_of_a_path_are_those_of_its_first_route() {
    let remove = operation(&document(library()), "/books/{isbn}", "delete");
    assert_eq!(remove["parameters"][0]["name"], "isbn");
    assert_eq!(remove["parameters"][0]["in"], "path");
}

#[test]
fn errors_of_one_status_are_one_answer_with_an_example_each() {
    let document = document(library());
    let find = operation(&document, "/books/{isbn}", "get");
    let answers = find["responses"].as_object().unwrap();
    let statuses: Vec<&str> = answers.keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "401", "403", "404", "409", "422", "500"]);
    let missing = &answers["404"];
    assert_eq!(
        missing["description"],
        "`NO_SUCH_BOOK`: There is no book {isbn}"
    );
    let content = &missing["content"]["application/json"];
    assert_eq!(content["schema"]["$ref"], "#/components/schemas/HTTPError");
    let example = &content["examples"]["NO_SUCH_BOOK"]["value"];
    assert_eq!(*example, json!({ "detail": "There is no book {isbn}" }));
    let conflict = &answers["409"];
    assert_eq!(
        conflict["description"],
        "* `LENT`: It is lent\n* `RESERVED`: Somebody waits for it"
    );
    let examples = &conflict["content"]["application/json"]["examples"];
    assert_eq!(examples.as_object().unwrap().len(), 2);
    assert_eq!(conflict["headers"]["Retry-After"]["example"], "60");
    let wrong = &answers["422"]["content"]["application/json"]["schema"]["anyOf"];
    assert_eq!(wrong[0]["$ref"], "#/components/schemas/HTTPValidationError");
    assert_eq!(wrong[1]["$ref"], "#/components/schemas/HTTPError");
    assert_eq!(answers["500"]["description"], "`LOST`: It is lost");
    let change = operation(&document, "/books/{isbn}", "put");
    assert_eq!(
        change["responses"]["201"]["headers"]["Location"]["example"],
        "/books/{isbn}"
    );
}

#[test]
fn callers_of_a_service_that_authenticates_need_a_token() {
    let document = document(library());
    assert_eq!(
        document["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    for (path, method, may_be_forbidden) in [
        ("/books/{isbn}", "get", true),
        ("/books/{isbn}", "put", false),
    ] {
        let operation = operation(&document, path, method);
        assert_eq!(operation["security"], json!([{ "bearer": [] }]), "{path}");
        assert!(operation["responses"]["401"].is_object(), "{path}");
        assert_eq!(
            operation["responses"]["403"].is_object(),
            may_be_forbidden,
            "{path}"
        );
    }
    let open = crate::support::document(types::COMPONENT.clone());
    assert_eq!(open["components"]["securitySchemes"], Json::Null);
    assert_eq!(operation(&open, "/tree", "post")["security"], Json::Null);
}

#[test]
fn a_token_in_a_cookie_is_another_way_to_be_known() {
    let mut settings = soa_http::HttpSettings::default();
    settings.token_cookie = Some("access_token".to_owned());
    let doors = soa_http::Doors::new(library().into(), settings).unwrap();
    let document: Json = serde_json::from_str(&doors.openapi()).unwrap();
    assert_eq!(
        document["components"]["securitySchemes"]["cookie"],
        json!({ "type": "apiKey", "in": "cookie", "name": "access_token" })
    );
    let find = operation(&document, "/books/{isbn}", "get");
    assert_eq!(
        find["security"],
        json!([{ "bearer": [] }, { "cookie": [] }])
    );
    assert_eq!(mistakes(&document), [""; 0]);
}

#[test]
fn actions_without_a_route_are_calls_by_name() {
    let document = document(library());
    let old = operation(&document, "/call/library/old_one", "post");
    assert_eq!(old["deprecated"], true);
    assert_eq!(old["requestBody"]["required"], false);
    let echo = operation(&document, "/call/library/echo", "post");
    assert_eq!(echo["summary"], "Echo");
    assert_eq!(document["paths"]["/call/library/find"], Json::Null);
    let status = operation(&document, "/call/library/status", "post");
    let schema = &status["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/StatusRequest");
    let errors = &old["responses"]["422"]["content"]["application/json"]["schema"];
    assert_eq!(errors["$ref"], "#/components/schemas/CallErrors");
}

#[test]
fn variants_of_an_action_are_one_call_with_alternatives() {
    let varied = operation(&document(library()), "/call/library/varied", "post");
    assert_eq!(varied["parameters"][0]["name"], "X-Soa-Switches");
    assert_eq!(varied["parameters"][0]["example"], "5");
    let content = |answer: &Json| answer["content"]["application/json"]["schema"].clone();
    assert_eq!(
        content(&varied["requestBody"])["$ref"],
        "#/components/schemas/Find"
    );
    let answers = content(&varied["responses"]["200"]);
    let names: Vec<&Json> = answers["anyOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["$ref"])
        .collect();
    assert_eq!(
        names,
        ["#/components/schemas/Book", "#/components/schemas/Leaf"]
    );
}

#[test]
fn ids_of_operations_are_unique() {
    let component = Component::builder("both")
        .service(library())
        .service(types::Types)
        .build()
        .unwrap();
    let document = document(component);
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let ids: Vec<&str> = operations
        .map(|one| one["operationId"].as_str().unwrap())
        .collect();
    let unique: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    assert!(
        ids.contains(&"library_find") && ids.contains(&"library_find_2"),
        "{ids:?}"
    );
}

#[test]
fn a_type_has_one_component_and_another_of_its_name_has_one_too() {
    let component = Component::builder("both")
        .service(library())
        .service(types::Types)
        .build()
        .unwrap();
    let document = document(component);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let named = |wanted: &str| {
        let all = schemas
            .keys()
            .filter(|name| name.trim_end_matches(char::is_numeric) == wanted);
        all.collect::<Vec<_>>()
    };
    assert_eq!(named("Leaf"), ["Leaf", "Leaf2"]);
    assert_eq!(named("Tree"), ["Tree"]);
    assert_eq!(named("Book"), ["Book"]);
    let children = &schemas["Tree"]["properties"]["children"]["items"];
    assert_eq!(children["$ref"], "#/components/schemas/Tree");
}

#[test]
fn a_field_that_is_left_out_of_messages_is_null_in_an_answer_alone() {
    let document = document(types::COMPONENT.clone());
    let schemas = &document["components"]["schemas"];
    let word = |name: &str| schemas[name]["oneOf"][0]["properties"]["word"].clone();
    assert_eq!(word("Flat")["type"], "string");
    let options = word("Flat-Output")["anyOf"].clone();
    assert_eq!(options[1], json!({ "type": "null" }));
}

#[test]
fn types_of_the_wire_have_their_text_forms() {
    let document = document(types::COMPONENT.clone());
    let wire = &document["components"]["schemas"]["Wire"]["properties"];
    let format = |name: &str| wire[name]["format"].as_str().unwrap_or("none").to_owned();
    assert_eq!(format("local"), "date-time-local");
    assert_eq!(format("utc"), "date-time");
    assert_eq!(format("date"), "date");
    assert_eq!(format("time"), "time-local");
    assert_eq!(format("price"), "decimal");
    assert_eq!(wire["price"]["description"], "At least 0, less than 100.");
    assert_eq!(wire["bytes"]["contentEncoding"], "base64");
    let numbers = &document["components"]["schemas"]["Numbers"]["properties"];
    assert_eq!(
        numbers["tiny"],
        json!({ "type": "integer", "format": "int32", "minimum": 0, "maximum": 255 })
    );
    assert_eq!(
        numbers["large"],
        json!({ "type": "integer", "format": "int64" })
    );
    assert_eq!(numbers["positive"]["exclusiveMinimum"], 0);
    let texts = &document["components"]["schemas"]["Texts"]["properties"];
    assert_eq!(
        texts["bytes"],
        json!({
            "type": "string", "contentEncoding": "base64", "minLength": 4, "maxLength": 8
        })
    );
    assert_eq!(texts["address"]["format"], "email");
    let color = &document["components"]["schemas"]["Color"];
    assert_eq!(color["enum"], json!(["red", "green", "blue"]));
    assert_eq!(
        color["description"],
        "A variant without fields each.\n\n* `red`: Warm.\n* `green`: Neither."
    );
    let old = &document["components"]["schemas"]["Named"]["properties"]["old"];
    assert_eq!(
        (&old["deprecated"], &old["examples"]),
        (&json!(true), &json!(["a", "b"]))
    );
}

#[tokio::test]
async fn the_document_is_the_same_by_http_and_is_not_sent_again() {
    let router = soa_http::router(library()).unwrap();
    let first = send(&router, "GET /openapi.json", None).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    assert_eq!(first.text(), soa_http::openapi(library()).unwrap());
    let etag = first.header("etag").to_owned();
    assert!(etag.len() > 10 && etag.starts_with('"'), "{etag}");
    for (known, status) in [
        (&*etag, 304),
        ("\"x\", W/\"y\"", 200),
        ("*", 304),
        (&format!("\"x\", W/{etag}"), 304),
    ] {
        let request = Request::get("/openapi.json").header("If-None-Match", known);
        let answer = send_request(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.header("etag"), etag, "{known}");
        assert_eq!(answer.body.is_empty(), status == 304, "{known}");
    }
    let head = send(&router, "HEAD /openapi.json", None).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let post = send(&router, "POST /openapi.json", None).await;
    assert_eq!(
        (post.status.as_u16(), post.header("allow")),
        (405, "GET, HEAD, OPTIONS")
    );
}

#[tokio::test]
async fn a_document_tells_the_path_at_which_its_doors_are_mounted() {
    let doors = soa_http::router(library()).unwrap();
    let router = axum::Router::new()
        .nest("/one", doors.clone())
        .nest("/two/{tenant}", doors);
    let servers = |answer: crate::support::Answer| answer.json()["servers"].clone();
    let one = send(&router, "GET /one/openapi.json", None).await;
    assert_eq!(servers(one), json!([{ "url": "/one" }]));
    let two = send(&router, "GET /two/a/openapi.json", None).await;
    assert_eq!(servers(two), Json::Null);
}

#[tokio::test]
async fn descriptions_can_be_switched_off_and_give_way_to_routes() {
    let mut settings = soa_http::HttpSettings::default();
    settings.docs = false;
    let doors = soa_http::Doors::new(library().into(), settings).unwrap();
    let router = doors.into_router();
    for path in ["/openapi.json", "/docs", "/redoc", "/report"] {
        assert_eq!(
            send(&router, &format!("GET {path}"), None).await.status,
            404,
            "{path}"
        );
    }

    const REPORT: Action<(), Book> = Action::new("report").declared(
        &Declared::new().http(HttpDeclared::new().routes(&[Route::new(Method::Get, "/report")])),
    );
    struct Own;
    impl Service for Own {
        const DESCRIPTOR: &'static ServiceDescriptor =
            &ServiceDescriptor::new("own", "1.0.0", "", &[REPORT.describe("Mine.")]);
        actions! { REPORT => |(): ()| Outcome::Ok(Book { title: "mine".to_owned() }) }
    }
    let server = Server::builder(Own).build().unwrap();
    let router = soa_http::router(&server).unwrap();
    assert_eq!(send(&router, "GET /report", None).await.text(), "\"mine\"");
    assert_eq!(
        operation(&document(server), "/report", "get")["summary"],
        "Mine."
    );
}
