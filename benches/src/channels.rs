//! Callers over HTTP: typed, and by the client of HTTP alone.

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use soa::http::HttpTransport;
use soa::{ActionError, Channel, Client, service};

#[soa::body]
pub(crate) struct Summands {
    a: i64,
    b: i64,
}

#[soa::body]
pub(crate) struct Sum {
    result: i64,
}

/// The action of the example component that is called by position and by name.
#[service(name = "example", version = "1.0.0")]
pub(crate) trait Example {
    #[action]
    async fn add(&self, request: Summands) -> Result<Sum, ActionError>;
}

/// The same by REST.
#[service(name = "example-rest", version = "1.0.0", rest = "/example")]
pub(crate) trait ExampleRest {
    #[action(get = "/sum/{a}/{b}")]
    async fn sum(&self, request: Summands) -> Result<Sum, ActionError>;
}

/// A typed caller of one action.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    ByName(ExampleClient),
    ByRoute(ExampleRestClient),
}

impl Typed {
    pub(crate) fn new(channel: Channel, url: &str) -> Result<Self, Box<dyn Error>> {
        let transport = match channel {
            Channel::Json => HttpTransport::json(url),
            Channel::MessagePack => HttpTransport::msgpack(url),
            Channel::Protobuf => HttpTransport::protobuf(url),
            Channel::Rest => HttpTransport::rest(url),
            Channel::Call => HttpTransport::call(format!("{url}/call")),
        };
        let transport = transport?.component("example-component");
        let client = Client::builder().service("example", transport.clone());
        let client = client.service("example-rest", transport).build()?;
        Ok(match channel {
            Channel::Rest => Self::ByRoute(ExampleRestClient::new(&client)),
            _ => Self::ByName(ExampleClient::new(&client)),
        })
    }

    /// Makes one call.
    pub(crate) async fn call(&self) -> Result<(), String> {
        let summands = Summands { a: 1, b: 2 };
        let sum = match self {
            Self::ByName(client) => client.add(summands).await,
            Self::ByRoute(client) => client.sum(summands).await,
        };
        match sum {
            Ok(Sum { result: 3 }) => Ok(()),
            Ok(other) => Err(format!("the sum is {}", other.result)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The client of HTTP, which sends one request again and again.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    client: HyperClient<HttpConnector, Full<Bytes>>,
    method: Method,
    url: Uri,
    headers: Vec<(&'static str, HeaderValue)>,
    body: Bytes,
}

impl Plain {
    pub(crate) fn new(channel: Channel, url: &str) -> Result<Self, Box<dyn Error>> {
        let call = soa::value!({ "method": "example-component:example:add", "args": [1, 2] });
        let job = soa::value!({
            "actions": [{ "action": "add", "body": { "a": 1, "b": 2 } }],
            "context": {},
            "control": { "continue_on_error": false },
        });
        let mut headers = Vec::new();
        let mut content_type =
            |value| headers.push((CONTENT_TYPE.as_str(), HeaderValue::from_static(value)));
        let mut body = Vec::new();
        let path = match channel {
            Channel::Json => {
                content_type("application/json");
                soa::codec::json::encode_compact(&call, &mut body)?;
                "/invoke"
            }
            Channel::MessagePack => {
                content_type("application/msgpack");
                body = soa::codec::msgpack::to_vec(&call)?;
                "/invoke"
            }
            Channel::Protobuf => {
                content_type("application/x-protobuf");
                headers.push((
                    "x-rpc-method",
                    HeaderValue::from_static("example-component:example:add"),
                ));
                // Two fields of an int32: 1 and 2.
                body = vec![0x08, 1, 0x10, 2];
                "/invoke"
            }
            Channel::Rest => "/example/sum/1/2",
            Channel::Call => {
                content_type("application/msgpack");
                body = soa::codec::msgpack::to_vec(&job)?;
                "/call/example"
            }
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            client: HyperClient::builder(TokioExecutor::new()).build(connector),
            method: if channel == Channel::Rest {
                Method::GET
            } else {
                Method::POST
            },
            url: format!("{url}{path}").parse()?,
            headers,
            body: body.into(),
        })
    }

    /// Makes one call and reads its whole response.
    pub(crate) async fn call(&self) -> Result<(), String> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.clone();
        for (name, value) in &self.headers {
            request.headers_mut().insert(*name, value.clone());
        }
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        match status.is_success() && !body.to_bytes().is_empty() {
            true => Ok(()),
            false => Err(format!("the status is {status}")),
        }
    }
}
