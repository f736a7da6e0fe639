//! A channel of one's own, by name: the server's side as a router of axum, the client's side as a transport, and a registry
//! that says `fancy(http://…)`.
//!
//! `cargo run -p soa --features http --example own_channel` prints what the service answers by that channel.
#![allow(clippy::print_stdout)] // The output of an example.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use soa::client::ClientRequest;
use soa::codec::json;
use soa::http::{HttpClient, HttpClientSettings};
use soa::registry::{
    Address, Channel, Directory, Discovery, HealthEndpoint, Instance, MemoryRegistry, Registration,
    Registry as _,
};
use soa::transport::{ClientTransport, ReplyFuture};
use soa::{
    ActionError, ActionRequest, ActionResponse, Body, BuildError, Client, ContextHeader, Control,
    Encoding, JobRequest, JobResponse, LocalTransport, Server, TransportError, TransportErrorKind,
    WireError, service, value,
};
use tokio::net::TcpListener;

#[soa::body]
struct Name {
    #[garde(length(chars, min = 1))]
    name: String,
}

#[soa::body]
struct Greeting {
    text: String,
}

struct Greeter;

#[service(name = "greeter", version = "1.0.0")]
impl Greeter {
    /// Greets somebody.
    #[action(idempotent)]
    async fn greet(&self, request: Name) -> Result<Greeting, ActionError> {
        let text = format!("Hello, {}", request.name);
        Ok(Greeting { text })
    }
}

/// The header that carries the correlation id.
const CORRELATION: &str = "x-correlation-id";

// The server's side: `POST /fancy/<service>/<action>` with a body of JSON. Errors are a list, with the status 422.

async fn serve(
    State(server): State<Server>,
    Path((service, action)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let id = headers.get(CORRELATION).and_then(|id| id.to_str().ok());
    let context = id.map_or_else(ContextHeader::fresh, ContextHeader::new);
    let action = ActionRequest::new(action, Body::from_bytes(Encoding::Json, body));
    let job = JobRequest::new(context, Control::default(), vec![action]);
    // Middleware, validation and limits are those of the server.
    let answer = LocalTransport::new(server).call(ClientRequest::new(service, job));
    let (errors, body) = match answer.await {
        Ok(mut response) => match response.actions.pop() {
            Some(action) => (action.errors, Some(action.body)),
            None => (response.errors, None),
        },
        Err(error) => (
            vec![WireError::server("SERVER_ERROR", error.to_string())],
            None,
        ),
    };
    match body {
        Some(body) if errors.is_empty() => match body.to_value() {
            Ok(value) => {
                let body = Body::encode(Encoding::Json, &value);
                body.bytes().cloned().unwrap_or_default().into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        _ => {
            let errors = errors.into_iter().map(|error| {
                let (code, message) = (error.code.into_owned(), error.message.into_owned());
                value!({ "code": (code), "message": (message), "field": (error.field) })
            });
            let errors: Vec<_> = errors.collect();
            let list = Body::encode(Encoding::Json, &value!({ "errors": (errors) }));
            let list = list.bytes().cloned().unwrap_or_default();
            (StatusCode::UNPROCESSABLE_ENTITY, list).into_response()
        }
    }
}

// The client's side.

/// The channel `fancy`.
struct Fancy(HttpClient);

impl Channel for Fancy {
    fn name(&self) -> &str {
        "fancy"
    }

    fn open(&self, _component: &str, url: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
        let (http, url) = (self.0.clone(), url.to_owned());
        Ok(Arc::new(FancyTransport { http, url }))
    }
}

/// Carries jobs to one URL.
struct FancyTransport {
    http: HttpClient,
    url: String,
}

impl ClientTransport for FancyTransport {
    fn encoding(&self) -> Encoding {
        Encoding::Json
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let (http, url) = (self.http.clone(), self.url.clone());
        ReplyFuture::new(async move { call(&http, &url, request).await })
    }
}

async fn call(
    http: &HttpClient,
    url: &str,
    request: ClientRequest,
) -> Result<JobResponse, TransportError> {
    let [action] = &*request.job.actions else {
        let message = "the channel `fancy` carries jobs of one action";
        return Err(TransportError::new(
            TransportErrorKind::Misconfigured,
            message,
        ));
    };
    let wrong = |why: String| TransportError::new(TransportErrorKind::InvalidMessage, why);
    let body = action
        .body
        .bytes()
        .map_err(|error| wrong(error.to_string()))?;
    let id = HeaderValue::from_str(&request.job.context.correlation_id);
    let post = Request::post(format!("{url}/fancy/{}/{}", request.service, action.action))
        .header(CORRELATION, id.map_err(|error| wrong(error.to_string()))?)
        .body(body.clone())
        .map_err(|error| wrong(error.to_string()))?;
    request.sent.mark();
    // Errors say if the request was sent, so that the caller knows if another address may be called.
    let response = http.send(post).await?;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
    let body = body.map_err(|error| {
        let message = "the connection broke within the answer";
        TransportError::new(TransportErrorKind::Interrupted, message).with_source(error)
    })?;
    let mut answer = JobResponse::default();
    answer.actions.push(match status {
        StatusCode::OK => ActionResponse::new(
            action.action.clone(),
            Body::from_bytes(Encoding::Json, body),
        ),
        StatusCode::UNPROCESSABLE_ENTITY => {
            let list = json::decode_value(&body).map_err(|error| wrong(error.to_string()))?;
            let errors = list.get("errors").and_then(|errors| errors.as_list());
            let errors = errors.unwrap_or_default().iter().map(|error| {
                let text = |key| {
                    error
                        .get(key)
                        .and_then(|text| text.as_str())
                        .map(str::to_owned)
                };
                let (code, message) = (text("code"), text("message"));
                let wire = WireError::caller(code.unwrap_or_default(), message.unwrap_or_default());
                match text("field") {
                    Some(field) => wire.with_field(field),
                    None => wire,
                }
            });
            ActionResponse::failed(action.action.clone(), errors.collect(), Encoding::Json)
        }
        status => return Err(wrong(format!("the channel `fancy` answered {status}"))),
    });
    Ok(answer)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder(Greeter).build()?;
    let router = Router::new()
        .route("/fancy/{service}/{action}", post(serve))
        .with_state(server);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });

    // The registry: an instance with two channels, of which the client knows the second.
    let registry = MemoryRegistry::new();
    let addresses = format!("grpc(http://{host}),fancy(http://{host})");
    registry
        .register(&Registration {
            component: "greeting-component".into(),
            instance: Instance {
                id: format!("{host}:greeting-component"),
                addresses: Address::parse_list(&addresses),
                weight: 1,
            },
            host,
            health: HealthEndpoint::new(format!("http://{host}/health")),
            tags: Vec::new(),
        })
        .await?;

    let http = HttpClient::new(&HttpClientSettings::default())?;
    let discovery = Discovery::new(Directory::new(Arc::new(registry))).channel(Fancy(http));
    let client = Client::builder()
        .component("greeting-component", &discovery)
        .offers(["greeter"])
        .build()?;
    let greeter = GreeterClient::new(&client);
    let greeting = greeter
        .greet(Name {
            name: "Ada".to_owned(),
        })
        .await?;
    println!("by `fancy`: {}", greeting.text);
    assert_eq!(greeting.text, "Hello, Ada");

    // Validation is that of the server.
    let error = greeter
        .greet(Name {
            name: String::new(),
        })
        .await;
    let error = error.err().ok_or("an empty name was greeted")?;
    println!("by `fancy`: {error}");
    assert_eq!(
        error
            .errors()
            .first()
            .and_then(|error| error.field.as_deref()),
        Some("name")
    );
    Ok(())
}
