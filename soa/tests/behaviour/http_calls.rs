//! Calls by name over HTTP: bodies, contexts, whole jobs, and errors in the form of the wire.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::{Value as Json, json};
use soa::http::{Doors, HttpSettings};
use soa::middleware::{Authentication, Credentials, Denied, Identity};
use soa::{
    ActionError, Blob, Context, Date, Decimal, Nullable, Server, Switch, Value, service, value,
};
use tower::ServiceExt as _;

#[soa::body(closed)]
struct Order {
    #[garde(range(min = 1, max = 100))]
    quantity: u32,
    price: Decimal,
    day: Date,
    note: Option<String>,
    until: Nullable<Date>,
    data: Option<Blob>,
}

#[soa::body]
struct Seen {
    order: Order,
    caller: Option<String>,
    locale: Option<String>,
    is_switched: bool,
}

struct Shop;

#[service(name = "shop", version = "1.2.0")]
impl Shop {
    /// Returns what it was sent.
    #[action]
    async fn order(&self, order: Order, cx: &Context) -> Result<Seen, ActionError> {
        Ok(Seen {
            order,
            caller: cx.caller().map(str::to_owned),
            locale: cx
                .value("locale")
                .and_then(Value::as_str)
                .map(str::to_owned),
            is_switched: cx.is_active(Switch::new(5)),
        })
    }

    /// Waits for longer than anybody.
    #[action]
    async fn hang(&self) -> Result<Value, ActionError> {
        std::future::pending().await
    }

    /// Says by which path it was called.
    #[action]
    async fn path(&self, cx: &Context) -> Result<Value, ActionError> {
        let http = cx
            .http()
            .ok_or_else(|| ActionError::internal("no request"))?;
        Ok(value!({ "method": (http.method()), "path": (http.path()) }))
    }

    #[action]
    async fn refuse(&self) -> Result<Value, ActionError> {
        let error = ActionError::caller("BUSY", "Come back later").field("moment");
        Err(error.http_status(503).http_header("Retry-After", "7"))
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Json {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

fn doors(server: impl soa::IntoServer) -> Router {
    let server = server.into_server().unwrap();
    Doors::new(server.into(), HttpSettings::default())
        .unwrap()
        .into_router()
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap()
            .to_vec(),
    }
}

async fn post(router: &Router, path: &str, headers: &[(&str, &str)], body: Json) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::from(body.to_string())).unwrap()).await
}

fn order() -> Json {
    json!({ "quantity": 2, "price": "1.10", "day": "2026-11-29", "until": null, "data": "AP8=" })
}

#[tokio::test]
async fn a_body_is_read_and_written_by_the_schema_with_every_declared_field() {
    let router = doors(Shop);
    let answer = post(&router, "/call/shop/order", &[], order()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let told = String::from_utf8(answer.body.clone()).unwrap();
    assert_eq!(
        told,
        r#"{"order":{"quantity":2,"price":"1.10","day":"2026-11-29","note":null,"until":null,"data":"AP8="},"caller":null,"locale":null,"is_switched":false}"#
    );
    assert!(
        answer.headers["server-timing"]
            .to_str()
            .unwrap()
            .starts_with("total;dur=")
    );
}

#[tokio::test]
async fn a_null_is_the_absence_of_an_option_and_nil_of_a_nullable() {
    let router = doors(Shop);
    let mut body = order();
    body["note"] = Json::Null;
    assert_eq!(
        post(&router, "/call/shop/order", &[], body.clone())
            .await
            .status,
        200
    );
    body["quantity"] = Json::Null;
    let answer = post(&router, "/call/shop/order", &[], body).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["errors"][0]["field"], "quantity");
}

#[tokio::test]
async fn every_wrong_field_is_told_in_the_form_of_the_wire() {
    let router = doors(Shop);
    let body = json!({ "quantity": 101, "price": "a lot", "day": "2026-02-30", "color": "red" });
    let answer = post(&router, "/call/shop/order", &[], body).await;
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].clone();
    let mut fields: Vec<&str> = errors
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["field"].as_str())
        .collect();
    fields.sort_unstable();
    fields.dedup();
    assert_eq!(fields, ["day", "price", "quantity", "until"]);
    assert!(
        errors.to_string().contains("Extra keys present: color"),
        "{errors}"
    );
    assert_eq!(errors[0]["is_caller_error"], true);
}

#[tokio::test]
async fn the_context_comes_by_headers_and_the_answer_has_the_correlation_id() {
    let router = doors(Shop);
    let headers = [
        ("x-correlation-id", "abc"),
        ("x-soa-caller", "curl"),
        ("x-soa-switches", "5, 7"),
        ("x-soa-context", r#"{"locale": "fr_FR"}"#),
    ];
    let answer = post(&router, "/call/shop/order", &headers, order()).await;
    let seen = answer.json();
    assert_eq!(
        (&seen["caller"], &seen["locale"], &seen["is_switched"]),
        (&json!("curl"), &json!("fr_FR"), &json!(true))
    );
    assert_eq!(answer.headers["x-correlation-id"], "abc");
    for (name, value) in [
        ("x-soa-switches", "five"),
        ("x-soa-timeout", "soon"),
        ("x-soa-context", "[]"),
    ] {
        let answer = post(&router, "/call/shop/order", &[(name, value)], order()).await;
        assert_eq!(answer.status, 400, "{name}");
        let error = answer.json()["errors"][0].clone();
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!("INVALID"), &json!(name))
        );
    }
}

#[tokio::test]
async fn a_deadline_of_the_caller_is_kept() {
    let router = doors(Shop);
    let answer = post(
        &router,
        "/call/shop/hang",
        &[("x-soa-timeout", "20ms")],
        json!({}),
    )
    .await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.json()["errors"][0]["code"], "ACTION_TIMEOUT");
}

#[tokio::test]
async fn a_whole_job_runs_its_actions_in_order() {
    let router = doors(Shop);
    let job = json!({
        "actions": [
            { "action": "order", "body": (order()) },
            { "action": "nonsense" },
            { "action": "path" },
        ],
        "control": { "continue_on_error": true },
        "context": { "caller": "job", "correlation_id": "of-the-job" },
    });
    let answer = post(&router, "/call/shop", &[], job).await;
    let response = answer.json();
    assert_eq!(answer.status, 200, "{response}");
    assert_eq!(response["actions"][0]["body"]["caller"], "job");
    assert_eq!(response["actions"][0]["body"]["order"]["price"], "1.10");
    assert_eq!(response["actions"][1]["errors"][0]["code"], "UNKNOWN");
    assert_eq!(response["actions"][2]["body"]["path"], "/call/shop");
    assert_eq!(response["context"]["correlation_id"], "of-the-job");

    let wrong = json!({ "actions": [{ "action": "order", "body": { "price": "x" } }, 7], "control": { "continue_on_error": 1 } });
    let answer = post(&router, "/call/shop", &[], wrong).await;
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].to_string();
    for place in ["actions.0.body.price", "actions.1", "control"] {
        assert!(errors.contains(place), "{place}: {errors}");
    }
}

#[tokio::test]
async fn messagepack_comes_back_as_messagepack() {
    let router = doors(Shop);
    let body =
        value!({ "quantity": 1, "price": "2.50", "day": "2026-11-29", "until": "2026-12-01" });
    let body = soa::codec::msgpack::to_vec(&body).unwrap();
    let request = Request::post("/call/shop/order").header("content-type", "application/msgpack");
    let answer = send(&router, request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.headers["content-type"], "application/msgpack");
    let seen: Value = soa::codec::msgpack::from_slice(&answer.body).unwrap();
    let order = seen.get("order").unwrap();
    assert_eq!(order.get("price").and_then(Value::as_str), Some("2.50"));
    assert_eq!(
        order.get("until").and_then(Value::as_str),
        Some("2026-12-01")
    );
}

#[tokio::test]
async fn introspection_and_status_are_read_by_get() {
    let router = doors(Shop);
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let told = send(&router, get("/call/shop")).await.json();
    assert!(
        told["action_names"]
            .as_array()
            .unwrap()
            .contains(&json!("order")),
        "{told}"
    );
    let status = send(&router, get("/call/shop/status")).await.json();
    assert_eq!(status["version"], "1.2.0");
    assert_eq!(send(&router, get("/call/shop/order")).await.status, 405);
    let answer = send(&router, get("/call/shops")).await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("`shop`")
    );
}

#[tokio::test]
async fn statuses_follow_from_codes_and_errors_can_have_their_own() {
    let router = doors(Shop);
    let answer = post(&router, "/call/shop/refuse", &[], json!({})).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(answer.json()["errors"][0]["field"], "moment");
    let unknown = post(&router, "/call/shop/nonsense", &[], json!({})).await;
    assert_eq!(unknown.status, 404);
    let malformed = Request::post("/call/shop/order").header("content-type", "application/json");
    let malformed = send(&router, malformed.body(Body::from("{")).unwrap()).await;
    assert_eq!(malformed.status, 400);
    let text = Request::post("/call/shop/order").header("content-type", "text/csv");
    assert_eq!(
        send(&router, text.body(Body::from("a,b")).unwrap())
            .await
            .status,
        415
    );
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_before_it_is_read() {
    let mut settings = HttpSettings::default();
    settings.max_body = 100;
    let server = Server::builder(Shop).build().unwrap();
    let router = Doors::new(server.into(), settings).unwrap().into_router();
    let long = json!({ "note": "x".repeat(200) });
    assert_eq!(
        post(&router, "/call/shop/order", &[], long.clone())
            .await
            .status,
        413
    );
    // Without an announced length, it is found while reading.
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(long.to_string())]);
    let request = Request::post("/call/shop/order")
        .body(Body::from_stream(chunks))
        .unwrap();
    assert_eq!(send(&router, request).await.status, 413);
}

#[tokio::test]
async fn a_token_reaches_authentication_from_the_header_or_a_cookie() {
    let authentication = Authentication::new(|credentials: Credentials| async move {
        match credentials.token() {
            "secret" => Ok(Identity::new("ada")),
            _ => Err(Denied::new("The token is not known")),
        }
    });
    let server = Server::builder(Shop)
        .job_middleware(authentication)
        .build()
        .unwrap();
    let mut settings = HttpSettings::default();
    settings.token_cookie = Some("access_token".to_owned());
    let router = Doors::new(server.into(), settings).unwrap().into_router();
    for headers in [
        [("authorization", "Bearer secret")],
        [("authorization", "Bearer Bearer secret")],
        [("cookie", "a=b; access_token=secret")],
    ] {
        let answer = post(&router, "/call/shop/order", &headers, order()).await;
        assert_eq!(answer.status, 200, "{headers:?}");
    }
    for headers in [&[("authorization", "Bearer wrong")][..], &[]] {
        let answer = post(&router, "/call/shop/order", headers, order()).await;
        assert_eq!(answer.status, 401, "{headers:?}");
        assert_eq!(answer.json()["errors"][0]["code"], "ACCESS_DENIED");
    }
}

#[tokio::test]
async fn an_action_without_types_takes_and_returns_any_map() {
    let server = Server::untyped("tools", "1.0.0")
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        });
    let router = doors(server);
    let body = json!({ "a": [1, 2.5, null], "b": { "c": true } });
    let answer = post(&router, "/call/tools/echo", &[], body.clone()).await;
    assert_eq!(answer.json(), body);
}
