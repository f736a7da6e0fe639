//! Requests on connections that are kept, with a limit for each host.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, Uri};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use soa_runtime::{BuildError, TransportError, TransportErrorKind};
use soa_wire::redact;
use tokio::sync::Semaphore;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt as _};

use super::connect::{Connector, within};
use super::settings::HttpClientSettings;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A service of tower that sends requests over HTTP. Layers stand around it.
pub type HttpService = BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, BoxError>;

/// A client of HTTP. It keeps its connections and shares them with its clones.
///
/// ```
/// use soa_http::{HttpClient, HttpClientSettings};
///
/// let client = HttpClient::new(&HttpClientSettings::default())?;
/// # Ok::<(), soa_runtime::BuildError>(())
/// ```
#[derive(Clone)]
pub struct HttpClient {
    sender: Sender,
    hosts: Arc<Hosts>,
    max_response: usize,
}

#[derive(Clone)]
enum Sender {
    Plain(Box<Client<Connector, Full<Bytes>>>),
    Layered(HttpService),
}

/// The places of requests, by host.
struct Hosts {
    places: Mutex<HashMap<String, Arc<Semaphore>>>,
    limit: usize,
}

/// A host: the limit of its requests.
#[derive(Clone, Debug)]
pub(crate) struct Host(Arc<Semaphore>);

impl HttpClient {
    /// Makes a client. Connections are opened when they are first needed.
    ///
    /// # Errors
    /// The file of trusted certificates cannot be used.
    pub fn new(settings: &HttpClientSettings) -> Result<Self, BuildError> {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout.get())
            .build(Connector::new(settings)?);
        Ok(Self {
            sender: Sender::Plain(Box::new(client)),
            hosts: Arc::new(Hosts {
                places: Mutex::default(),
                limit: settings.max_requests_per_host,
            }),
            max_response: settings.max_response,
        })
    }

    /// Puts a layer of tower around all requests: it sees each attempt, with its headers, its body and its response.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<HttpService>,
        L::Service: Service<Request<Full<Bytes>>, Response = Response<Body>, Error = BoxError>
            + Clone
            + Send
            + Sync
            + 'static,
        <L::Service as Service<Request<Full<Bytes>>>>::Future: Send,
    {
        let inner = match self.sender {
            Sender::Layered(service) => service,
            Sender::Plain(client) => {
                let service = tower::service_fn(move |request| {
                    let response = client.request(request);
                    async move { Ok::<_, BoxError>(response.await?.map(Body::new)) }
                });
                HttpService::new(service)
            }
        };
        self.sender = Sender::Layered(HttpService::new(layer.layer(inner)));
        self
    }

    /// Returns the largest body of a response, in bytes.
    pub(crate) fn max_response(&self) -> usize {
        self.max_response
    }

    /// Returns the host of a URL.
    pub(crate) fn host(&self, url: &Uri) -> Host {
        let name = url.authority().map_or("", |host| host.as_str());
        let places = self.hosts.places.lock();
        let mut places = places.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = places.get(name) {
            return Host(Arc::clone(known));
        }
        // Those that nobody waits for or holds are dropped, so that hosts that come and go leave nothing behind.
        places.retain(|_, place| Arc::strong_count(place) > 1);
        let place = Arc::new(Semaphore::new(self.hosts.limit));
        places.insert(name.to_owned(), Arc::clone(&place));
        Host(place)
    }

    /// Sends a request, and returns the response when its head has arrived.
    ///
    /// # Errors
    /// [`TransportErrorKind::Unreachable`] if nothing was sent, [`TransportErrorKind::Interrupted`] if the connection broke
    /// afterwards.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let host = self.host(request.uri());
        let _place = host.0.acquire().await;
        self.transmit(request).await
    }

    /// Sends a request to a host, and reads the whole response, up to a limit of bytes. A connection is opened within a time.
    pub(crate) async fn exchange(
        &self,
        host: &Host,
        request: Request<Bytes>,
        limit: usize,
        connect_within: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let _place = host.0.acquire().await;
        let url = request.uri().clone();
        let sent = within(connect_within, self.transmit(request)).await?;
        let (head, body) = sent.into_parts();
        match axum::body::to_bytes(body, limit).await {
            Ok(body) => Ok(Response::from_parts(head, body)),
            Err(error) if is_over_the_limit(&error) => {
                let message = format!(
                    "the response of {} is larger than {limit} bytes, the limit `max_response`",
                    shown(&url)
                );
                Err(TransportError::new(
                    TransportErrorKind::InvalidMessage,
                    message,
                ))
            }
            Err(error) => Err(interrupted(&url, error)),
        }
    }

    async fn transmit(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let url = request.uri().clone();
        let request = request.map(Full::new);
        let sent = match &self.sender {
            Sender::Plain(client) => client
                .request(request)
                .await
                .map(|response| response.map(Body::new))
                .map_err(Into::into),
            Sender::Layered(service) => service.clone().oneshot(request).await,
        };
        sent.map_err(|error: BoxError| match error.downcast_ref::<Error>() {
            Some(failure) if failure.is_connect() => unreachable(&url, error),
            _ => interrupted(&url, error),
        })
    }
}

fn is_over_the_limit(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

fn unreachable(url: &Uri, error: impl Into<BoxError>) -> TransportError {
    let message = format!("{} cannot be reached", shown(url));
    TransportError::new(TransportErrorKind::Unreachable, message).with_source(error)
}

fn interrupted(url: &Uri, error: impl Into<BoxError>) -> TransportError {
    let message = format!(
        "the connection to {} broke after the request was sent; it may have been run",
        shown(url)
    );
    TransportError::new(TransportErrorKind::Interrupted, message).with_source(error)
}

/// The scheme and the host of a URL. A path may hold what errors must not tell, too.
fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("http");
    let host = url.authority().map_or("", |host| host.as_str());
    redact::url(&format!("{scheme}://{host}"))
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}
