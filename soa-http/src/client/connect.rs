//! Connections: to the host itself, or through the proxy that the environment names for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use soa_runtime::BuildError;
use tokio::net::TcpStream;
use tower_service::Service;

use super::settings::HttpClientSettings;
use super::tls;

tokio::task_local! {
    /// The time that a new connection for a request may take, beside the limit of the settings.
    static CONNECT_LIMIT: Duration;
}

/// Limits the time that a new connection for a request may take.
pub(super) async fn within<F: Future>(limit: Duration, request: F) -> F::Output {
    CONNECT_LIMIT.scope(limit, request).await
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Makes connections within a time.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    inner: HttpsConnector<Route>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(settings: &HttpClientSettings) -> Result<Self, BuildError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let route = Route {
            tcp,
            proxies: settings
                .proxy_from_environment
                .then(|| Arc::new(Matcher::from_env())),
        };
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(settings.trusted_certificates.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(route);
        Ok(Self {
            inner,
            timeout: settings.connect_timeout.get(),
        })
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<Route> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let of_request = CONNECT_LIMIT.try_with(|limit| *limit);
        let limit = self.timeout.min(of_request.unwrap_or(Duration::MAX));
        let connecting = self.inner.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(_) => {
                    let message = format!("no connection within {limit:?}");
                    Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
                }
            }
        })
    }
}

/// Opens the socket.
#[derive(Clone, Debug)]
pub(super) struct Route {
    tcp: HttpConnector,
    proxies: Option<Arc<Matcher>>,
}

impl Service<Uri> for Route {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let proxy = self.proxies.as_ref().and_then(|all| all.intercept(&uri));
        let Some(proxy) = proxy else {
            let connecting = self.tcp.call(uri);
            return Box::pin(async move { Ok(connecting.await?) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        Box::pin(async move { Ok(tunnel.call(uri).await?) })
    }
}
