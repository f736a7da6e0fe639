//! The transport to one address, by one channel.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::Uri;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use hyper_util::client::legacy::connect::capture_connection;
use soa_runtime::client::{ClientRequest, Sent};
use soa_runtime::transport::{ClientTransport, ReplyFuture};
use soa_runtime::{BoxFuture, BuildError, Channel, TransportError, TransportErrorKind};
use soa_wire::{JobResponse, Name, redact};

use super::failure::is_of_an_expired_token;
use super::outgoing::{Outgoing, Target, names};
use super::pool::{Host, HttpClient};
use super::settings::{HttpClientSettings, HttpTransportSettings};
use super::token::{Token, TokenSource};
use super::{head, incoming, outgoing};

/// The time that a call without a timeout of its own waits.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The part of the time of a call that a new connection may take.
const CONNECT_SHARE: u32 = 3;

/// Calls over HTTP, at one address, by one channel.
///
/// | channel | made by | for |
/// |---|---|---|
/// | `dispatch-json`, `dispatch-msgpack`, `dispatch-protobuf` | [`json`](Self::json), [`msgpack`](Self::msgpack), [`protobuf`](Self::protobuf) | single calls by position, of this framework and of Aspyx |
/// | `rest` | [`rest`](Self::rest) | single calls by the routes of the actions |
/// | `call` | [`call`](Self::call) | whole jobs, with their context and their switches; only servers of this framework have it |
///
/// Typed clients know the positions, the numbers and the routes of their actions. Untyped calls are possible by `call`, and
/// with [`Client::call_positional`](soa_runtime::Client::call_positional) by JSON and MessagePack.
///
/// ```
/// use soa_http::HttpTransport;
/// use soa_runtime::Client;
///
/// let example = HttpTransport::json("http://127.0.0.1:8000")?.component("example-component");
/// let client = Client::builder().service("example", example).build()?;
/// # Ok::<(), soa_runtime::BuildError>(())
/// ```
#[derive(Clone)]
pub struct HttpTransport {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    client: HttpClient,
    host: Host,
    target: Target,
    timeout: Duration,
    max_response: usize,
    forwards_token: bool,
    repeats_broken: bool,
    tokens: Option<Arc<TokenSource>>,
}

impl HttpTransport {
    /// Returns a transport to the address, with a pool of connections of its own.
    ///
    /// # Errors
    /// The address is no URL of HTTP: a scheme, a host, and perhaps a path below which the doors are.
    pub fn json(url: impl AsRef<str>) -> Result<Self, BuildError> {
        Self::alone(Channel::Json, url.as_ref())
    }

    /// The same by MessagePack.
    ///
    /// # Errors
    /// The address is no URL of HTTP.
    pub fn msgpack(url: impl AsRef<str>) -> Result<Self, BuildError> {
        Self::alone(Channel::MessagePack, url.as_ref())
    }

    /// The same by protobuf.
    ///
    /// # Errors
    /// The address is no URL of HTTP.
    pub fn protobuf(url: impl AsRef<str>) -> Result<Self, BuildError> {
        Self::alone(Channel::Protobuf, url.as_ref())
    }

    /// The same by the routes of the actions.
    ///
    /// # Errors
    /// The address is no URL of HTTP.
    pub fn rest(url: impl AsRef<str>) -> Result<Self, BuildError> {
        Self::alone(Channel::Rest, url.as_ref())
    }

    /// The same for whole jobs, by the door for calls by name: `http://127.0.0.1:8000/call`.
    ///
    /// # Errors
    /// The address is no URL of HTTP.
    pub fn call(url: impl AsRef<str>) -> Result<Self, BuildError> {
        Self::alone(Channel::Call, url.as_ref())
    }

    fn alone(channel: Channel, url: &str) -> Result<Self, BuildError> {
        let client = HttpClient::new(&HttpClientSettings::default())?;
        Self::new(&client, channel, url)
    }

    /// Returns a transport that shares the connections of a client.
    ///
    /// # Errors
    /// The address is no URL of HTTP.
    pub fn new(client: &HttpClient, channel: Channel, url: &str) -> Result<Self, BuildError> {
        let wrong = |why: &str| {
            BuildError::new(format!(
                "the address `{}` of a service: {why}; write `http://host:8000`",
                redact::url(url)
            ))
        };
        let parsed: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
        let is_http = matches!(parsed.scheme_str(), Some("http" | "https"));
        let authority = parsed.authority().filter(|_| is_http);
        let authority = authority.ok_or_else(|| wrong("it is not one of HTTP"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a login in it would be in logs; use a token"));
        }
        if parsed.query().is_some() {
            return Err(wrong("it has a query"));
        }
        Ok(Self {
            shared: Arc::new(Shared {
                host: client.host(&parsed),
                client: client.clone(),
                target: Target {
                    base: url.trim_end_matches('/').to_owned(),
                    channel,
                    component: None,
                    carries_context: false,
                    known: Arc::default(),
                },
                timeout: DEFAULT_TIMEOUT,
                max_response: client.max_response(),
                forwards_token: false,
                repeats_broken: true,
                tokens: None,
            }),
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.shared));
        self
    }

    /// Sets the component that the service belongs to, for method ids: `component:service:method`. By default, it is the
    /// name of the service. Servers find the service without it.
    #[must_use]
    pub fn component(self, component: impl Into<Name>) -> Self {
        let component = component.into();
        self.with(|shared| shared.target.component = Some(component))
    }

    /// Tells that the server acts on contexts, as those of this framework do and those of Aspyx do not. Without it, a call by
    /// another channel than `call` is refused if it sets switches or values of its context itself, or calls a variant. The
    /// context of the request that is being served, and that of the client, are sent in any case.
    #[must_use]
    pub fn carrying_context(self) -> Self {
        self.with(|shared| shared.target.carries_context = true)
    }

    /// Sets the timeout of calls without a timeout of their own; 5 s by default.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|shared| shared.timeout = timeout)
    }

    /// Carries the token of a request that is being served to the services that are called for it. By default, it stays here.
    #[must_use]
    pub fn forwarding_token(self) -> Self {
        self.with(|shared| shared.forwards_token = true)
    }

    /// Sends a token of this program's own with each call. It is fetched by the function when it is first needed, kept until
    /// shortly before it expires, and fetched anew if the service says that it has expired.
    ///
    /// ```
    /// use std::time::Duration;
    /// use soa_http::{HttpTransport, Token};
    ///
    /// let billing = HttpTransport::json("https://billing.internal")?.with_token(async || {
    ///     // In a program: a request to the service that issues tokens.
    ///     Ok(Token::new("a-secret").expires_in(Duration::from_secs(300)))
    /// });
    /// # Ok::<(), soa_runtime::BuildError>(())
    /// ```
    #[must_use]
    pub fn with_token<F>(self, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Token, TransportError>> + Send + 'static,
    {
        let source = TokenSource::new(move || -> BoxFuture<_> { Box::pin(fetch()) });
        self.with(|shared| shared.tokens = Some(Arc::new(source)))
    }

    /// Never sends a request twice. By default, one whose connection broke without an answer is sent once more, on a fresh
    /// connection, if a second run has no further effect.
    #[must_use]
    pub fn without_repeats(self) -> Self {
        self.with(|shared| shared.repeats_broken = false)
    }

    /// Returns true if the rules of a channel allow that a request is sent again after it was lost: REST with GET, PUT or
    /// DELETE.
    pub fn repeats(channel: Channel, request: &ClientRequest) -> bool {
        outgoing::verb_repeats(channel, request)
    }

    /// Returns the channel.
    pub fn channel(&self) -> Channel {
        self.shared.target.channel
    }

    /// Returns the address, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.shared.target.base
    }
}

impl HttpTransportSettings {
    /// Makes the transport to the address, on the connections of a client.
    ///
    /// # Errors
    /// There is no address, it cannot be used, or there is no such channel.
    pub fn transport(&self, client: &HttpClient) -> Result<HttpTransport, BuildError> {
        let address = self.address.as_ref();
        let address = address.ok_or_else(|| BuildError::new("there is no `address`"))?;
        let channel = match &self.channel {
            None => Channel::Json,
            Some(name) => Channel::named(name).ok_or_else(|| {
                let known = Channel::ALL.map(Channel::name).join("`, `");
                BuildError::new(format!(
                    "`channel`: there is no `{name}`; there is `{known}`"
                ))
            })?,
        };
        let mut transport = HttpTransport::new(client, channel, address)?;
        if let Some(component) = &self.component {
            transport = transport.component(component.clone());
        }
        if self.forwards_token {
            transport = transport.forwarding_token();
        }
        if self.carries_context {
            transport = transport.carrying_context();
        }
        Ok(transport)
    }
}

impl ClientTransport for HttpTransport {
    fn default_timeout(&self) -> Option<Duration> {
        Some(self.shared.timeout)
    }

    fn takes_positions(&self) -> bool {
        matches!(
            self.shared.target.channel,
            Channel::Json | Channel::MessagePack
        )
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let shared = Arc::clone(&self.shared);
        match shared.target.written(&request) {
            Err(problem) => {
                let channel = shared.target.channel.name();
                let (service, actions) = (&request.service, names(&request.job));
                let message =
                    format!("`{service}.{actions}` cannot be called by {channel}: {problem}");
                ReplyFuture::ready(Err(TransportError::new(
                    TransportErrorKind::InvalidMessage,
                    message,
                )))
            }
            Ok(outgoing) if request.job.control.suppress_response == Some(true) => {
                ReplyFuture::new(forgotten(shared, request, outgoing))
            }
            Ok(outgoing) => {
                ReplyFuture::new(async move { shared.answered(&request, outgoing).await })
            }
        }
    }
}

/// Sends a job whose caller does not wait for the response. It is answered as soon as there is a connection for it.
async fn forgotten(
    shared: Arc<Shared>,
    mut request: ClientRequest,
    outgoing: Outgoing,
) -> Result<JobResponse, TransportError> {
    let (sent, is_sent) = Sent::watched();
    let watched = std::mem::replace(&mut request.sent, sent);
    let mut exchange = tokio::spawn(async move {
        // Nobody waits for the response, but the connection does.
        let answered = shared.answered(&request, outgoing);
        match tokio::time::timeout(shared.timeout, answered).await {
            Ok(outcome) => outcome,
            Err(_) => Ok(JobResponse::default()),
        }
    });
    tokio::select! {
        biased;
        // An error says that the exchange has ended without it.
        Ok(()) = is_sent => {
            watched.mark();
            Ok(JobResponse::default())
        }
        ended = &mut exchange => match ended {
            Ok(outcome) => outcome.map(|_| JobResponse::default()),
            Err(_) => Err(TransportError::new(TransportErrorKind::Interrupted, "the call was given up")),
        },
    }
}

impl Shared {
    /// Sends a request and reads its response. A token that has expired is fetched anew, once.
    async fn answered(
        &self,
        request: &ClientRequest,
        mut outgoing: Outgoing,
    ) -> Result<JobResponse, TransportError> {
        let mut token = None;
        if let Some(tokens) = &self.tokens {
            token = Some(tokens.current().await?);
        }
        self.authorize(request, token.as_ref(), &mut outgoing.headers)?;
        let response = self.exchanged(request, &outgoing).await?;
        let read = self.read(request, &outgoing, response)?;
        let has_expired = read.errors.iter().any(is_of_an_expired_token);
        let (Some(tokens), Some(refused), true) = (&self.tokens, token, has_expired) else {
            return Ok(read);
        };
        let token = tokens.instead_of(&refused).await?;
        self.authorize(request, Some(&token), &mut outgoing.headers)?;
        let response = self.exchanged(request, &outgoing).await?;
        self.read(request, &outgoing, response)
    }

    fn read(
        &self,
        request: &ClientRequest,
        outgoing: &Outgoing,
        response: Response<Bytes>,
    ) -> Result<JobResponse, TransportError> {
        let read = incoming::read(self.target.channel, request, outgoing, response);
        read.map_err(|problem| {
            let (service, actions) = (&request.service, names(&request.job));
            let message =
                format!("the response of `{service}.{actions}` cannot be read: {problem}");
            TransportError::new(TransportErrorKind::InvalidMessage, message)
        })
    }

    fn authorize(
        &self,
        request: &ClientRequest,
        own: Option<&Token>,
        headers: &mut HeaderMap,
    ) -> Result<(), TransportError> {
        let of_caller = || match self.forwards_token {
            true => head::token(&request.job),
            false => None,
        };
        let token = own.map(|token| token.text().to_owned()).or_else(of_caller);
        let Some(token) = token else { return Ok(()) };
        let added = head::add_token(headers, &token);
        added.map_err(|problem| TransportError::new(TransportErrorKind::InvalidMessage, problem))
    }

    /// Sends a request, and once more on a fresh connection if the first one broke without an answer, as a kept one does that
    /// the other side has closed, and the request is safe to repeat.
    async fn exchanged(
        &self,
        request: &ClientRequest,
        outgoing: &Outgoing,
    ) -> Result<Response<Bytes>, TransportError> {
        match self.exchange(request, outgoing).await {
            Err(error)
                if self.repeats_broken
                    && outgoing.is_repeatable
                    && broke_without_an_answer(&error) =>
            {
                self.exchange(request, outgoing).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(
        &self,
        request: &ClientRequest,
        outgoing: &Outgoing,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut sent = Request::new(outgoing.body.clone());
        *sent.method_mut() = outgoing.method.clone();
        *sent.uri_mut() = outgoing.url.clone();
        *sent.headers_mut() = outgoing.headers.clone();
        let connected = request
            .sent
            .is_watched()
            .then(|| capture_connection(&mut sent));
        let limit = request.timeout.unwrap_or(self.timeout) / CONNECT_SHARE;
        let exchange = self
            .client
            .exchange(&self.host, sent, self.max_response, limit);
        let Some(mut connected) = connected else {
            return exchange.await;
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            outcome = &mut exchange => {
                if outcome.is_ok() {
                    request.sent.mark();
                }
                return outcome;
            }
            connection = connected.wait_for_connection_metadata() => {
                if connection.is_some() {
                    request.sent.mark();
                }
            }
        }
        exchange.await
    }
}

/// True if the connection broke before there was an answer, as one does that was kept and that the other side has closed.
fn broke_without_an_answer(error: &TransportError) -> bool {
    if error.kind() != TransportErrorKind::Interrupted {
        return false;
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(failure) = inner.downcast_ref::<hyper::Error>() {
            return failure.is_incomplete_message() || failure.is_canceled() || failure.is_closed();
        }
        cause = inner.source();
    }
    false
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("channel", &self.shared.target.channel.name())
            .field("url", &self.shared.target.base)
            .finish_non_exhaustive()
    }
}
