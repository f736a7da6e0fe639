//! Values that callers send and no type takes: each is an error of its field, whichever door it came by.

use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use serde_json::{Value as Json, json};
use soa::codec::msgpack;
use soa::http::{Doors, HttpSettings};
use soa::{ActionError, Map, Server, Value, service, value};

use super::support::{Answer, JSON, MSGPACK, get, request, send};

#[soa::body]
struct Entry {
    id: i64,
    #[garde(range(max = 100))]
    count: u8,
    #[serde(default)]
    price: f64,
    host: Option<IpAddr>,
    #[serde(default)]
    nested: Vec<Place>,
}

#[soa::body]
struct Place {
    host: IpAddr,
}

#[soa::body]
struct Text {
    text: String,
}

#[soa::body]
struct Number {
    id: i64,
}

struct Stock;

#[service(name = "stock", version = "1.0.0", rest = "/stock")]
impl Stock {
    #[action(post = "/entries", body = whole, result = whole)]
    async fn enter(&self, entry: Entry) -> Result<Entry, ActionError> {
        Ok(entry)
    }

    #[action(get = "/find")]
    async fn find(&self, request: Text) -> Result<Text, ActionError> {
        Ok(request)
    }

    #[action(delete = "/entries/{id}", status = 204)]
    async fn delete(&self, _request: Number) -> Result<(), ActionError> {
        Ok(())
    }
}

fn router() -> Router {
    let server = Server::builder(Stock).max_actions(2000).build().unwrap();
    let doors = Doors::new(server.into(), HttpSettings::default()).unwrap();
    doors.into_router()
}

async fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let request = request("POST", path).header("content-type", content_type);
    send(&router(), request.body(body.into()).unwrap()).await
}

fn json_of(answer: &Answer) -> Json {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()))
}

/// Returns the fields and the messages of the errors of a call by name.
async fn errors(path: &str, body: &str) -> Vec<(String, String)> {
    let answer = post(path, JSON, body.to_owned()).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let told = json_of(&answer);
    let text = |one: &Json| one.as_str().unwrap_or_default().to_owned();
    let errors = told["errors"].as_array().unwrap().iter();
    errors
        .map(|one| (text(&one["field"]), text(&one["message"])))
        .collect()
}

fn pair(field: &str, message: &str) -> (String, String) {
    (field.to_owned(), message.to_owned())
}

const LARGE: &str = "100000000000000000000";

#[tokio::test]
async fn an_integer_beyond_64_bits_is_an_error_of_its_field_beside_all_others() {
    let body = format!(r#"{{"id": {LARGE}, "count": "x"}}"#);
    let expected = [
        pair("id", "Value not <= 9223372036854775807"),
        pair("count", "Not an integer"),
    ];
    assert_eq!(errors("/call/stock/enter", &body).await, expected);
    let job = format!(r#"{{"actions": [{{"action": "enter", "body": {body}}}]}}"#);
    let of_job: Vec<_> = expected
        .iter()
        .map(|(field, message)| pair(&format!("actions.0.body.{field}"), message))
        .collect();
    assert_eq!(errors("/call/stock", &job).await, of_job);

    let answer = json_of(&post("/stock/entries", JSON, body).await);
    let locations: Vec<_> = answer["detail"].as_array().unwrap().iter().collect();
    assert_eq!(locations[0]["loc"], json!(["body", "id"]));
    assert_eq!(locations[0]["msg"], "Value not <= 9223372036854775807");
    assert_eq!(locations[1]["loc"], json!(["body", "count"]));

    let path = request("DELETE", &format!("/stock/entries/{LARGE}"));
    let answer = send(&router(), path.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 422);
    assert_eq!(json_of(&answer)["detail"][0]["loc"], json!(["path", "id"]));

    let invoke = format!(r#"{{"method": "stock:stock:enter", "args": [{LARGE}, "x"]}}"#);
    let answer = json_of(&post("/invoke", JSON, invoke).await);
    assert_eq!(
        answer["exception"],
        "id: Value not <= 9223372036854775807; count: Not an integer"
    );
}

#[tokio::test]
async fn a_float_takes_large_integers_and_no_number_beyond_its_range() {
    let body = format!(r#"{{"id": 1, "count": 1, "price": {LARGE}}}"#);
    let answer = post("/call/stock/enter", JSON, body).await;
    assert_eq!(json_of(&answer)["price"], 1e20);
    for path in ["/call/stock/enter", "/stock/entries"] {
        let answer = post(path, JSON, r#"{"id": 1, "count": 1, "price": 1e999}"#).await;
        assert_eq!(answer.status, 422, "{path}");
        assert!(answer.text().contains("price"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_map_is_told_in_the_words_of_the_check() {
    for body in ["null", "[]", "5", "\"x\""] {
        let expected = [pair("", "Not a map")];
        assert_eq!(errors("/call/stock/enter", body).await, expected);
        assert_eq!(errors("/call/stock", body).await, expected);
        let job = format!(r#"{{"actions": [{{"action": "enter", "body": {body}}}]}}"#);
        let expected = [pair("actions.0.body", "Not a map")];
        assert_eq!(errors("/call/stock", &job).await, expected);
    }
}

#[tokio::test]
async fn what_the_decoder_of_a_type_refuses_is_an_error_of_its_field() {
    let problem = "invalid IP address syntax";
    let body = r#"{"id": 1, "count": 1, "host": "x"}"#;
    assert_eq!(
        errors("/call/stock/enter", body).await,
        [pair("host", problem)]
    );
    let body = r#"{"id": 1, "count": 1, "nested": [{"host": "::1"}, {"host": "x"}]}"#;
    assert_eq!(
        errors("/call/stock/enter", body).await,
        [pair("nested.1.host", problem)]
    );
    let answer = json_of(&post("/stock/entries", JSON, body).await);
    assert_eq!(
        answer["detail"][0]["loc"],
        json!(["body", "nested", 1, "host"])
    );
}

#[tokio::test]
async fn of_a_key_that_occurs_twice_the_last_value_counts_by_every_door() {
    let body = r#"{"id": 1, "count": 300, "id": 2, "count": 3}"#;
    for path in ["/call/stock/enter", "/stock/entries"] {
        let answer = json_of(&post(path, JSON, body).await);
        assert_eq!((&answer["id"], &answer["count"]), (&json!(2), &json!(3)));
    }
    let call = r#"{"method": "x", "method": "stock:stock:find", "args": [5], "args": ["a"]}"#;
    let answer = json_of(&post("/invoke", JSON, call).await);
    assert_eq!(answer["result"], "a");

    let twice: Map = [("text", "first"), ("text", "last")].into_iter().collect();
    let packed = msgpack::to_vec(&Value::Map(twice)).unwrap();
    let answer = post("/call/stock/find", MSGPACK, packed).await;
    let answer: Value = msgpack::from_slice(&answer.body).unwrap();
    assert_eq!(answer, value!({ "text": "last" }));
}

#[tokio::test]
async fn a_query_that_is_not_utf8_is_refused_as_a_path_is() {
    for path in ["/stock/find?text=%FF", "/stock/find?text=a&%C3=1"] {
        let answer = get(&router(), path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(
            json_of(&answer)["detail"],
            "A part of the query is not UTF-8"
        );
    }
    let answer = get(&router(), "/stock/find?text=%C3%B6+%26").await;
    assert_eq!(json_of(&answer), "ö &");
}

#[tokio::test]
async fn an_answer_without_content_has_no_body_and_no_length() {
    let answer = request("DELETE", "/stock/entries/1");
    let answer = send(&router(), answer.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, &*answer.body), (204, &b""[..]));
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(answer.header("content-type"), None);
}

#[tokio::test]
async fn a_job_without_actions_or_with_too_many_is_refused_before_their_bodies_are_read() {
    let expected = [pair("actions", "List is shorter than 1")];
    assert_eq!(errors("/call/stock", r#"{"actions": []}"#).await, expected);

    let job = |count: usize| json!({ "actions": vec![7; count] }).to_string();
    assert_eq!(errors("/call/stock", &job(2000)).await.len(), 1000);
    let answer = post("/call/stock", JSON, job(2001)).await;
    assert_eq!(answer.status, 413);
    let told = json_of(&answer)["errors"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!(told[0]["code"], "REQUEST_TOO_LARGE");
    assert_eq!(told[0]["field"], "actions");
}

#[tokio::test]
async fn a_context_and_a_control_header_of_a_wrong_type_are_errors_of_a_job() {
    let actions = r#""actions": [{"action": "find", "body": {"text": "a"}}]"#;
    for (header, field) in [
        (r#""context": []"#, "context"),
        (r#""context": "x""#, "context"),
        (r#""context": {"switches": 5}"#, "context"),
        (r#""control": 5"#, "control"),
        (r#""control": {"continue_on_error": 1}"#, "control"),
        (r#""control": {"timeout": -1}"#, "control.timeout"),
        (r#""control": {"timeout": 0}"#, "control.timeout"),
        (r#""control": {"timeout": "soon"}"#, "control.timeout"),
    ] {
        let found = errors("/call/stock", &format!("{{{actions}, {header}}}")).await;
        assert_eq!(found.len(), 1, "{header}");
        assert_eq!(found[0].0, field, "{header}");
    }
    let job = format!(r#"{{{actions}, "context": null, "control": {{"timeout": 5}}}}"#);
    assert_eq!(post("/call/stock", JSON, job).await.status, 200);
}
