//! The HTTP client of the exporter, for one collector.
//!
//! hyper speaks HTTP/1.1 and rustls TLS, which trusts the certificates of the system. Each batch has a connection of its own
//! and one timeout for all of it. Of a response, only the status counts.
//!
//! A batch is sent on the thread of the exporter, where nothing else waits, in a runtime that lives as long as the
//! exchange. The runtime of the service is not used: it may be busy, or have ended.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout_at};

use soa_runtime::{BuildError, redact};

/// The number of bytes of a response that are read at most.
const MAX_RESPONSE_SIZE: usize = 64 * 1024;

/// The number of bytes of a cause that are logged at most.
const MAX_CAUSE_LENGTH: usize = 1024;

/// The client for one collector.
#[derive(Debug)]
pub(super) struct Collector {
    url: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
    last_failure: LastFailure,
}

/// The cause of the last exchange that failed. The exporter of OTLP keeps it to itself.
#[derive(Clone, Debug, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<String>>>);

impl LastFailure {
    /// Removes the cause and returns it.
    pub(super) fn take(&self) -> Option<String> {
        self.replace(None)
    }

    fn replace(&self, cause: Option<String>) -> Option<String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut kept, cause)
    }
}

impl Collector {
    /// Makes the client for the collector at a URL. No connection is opened yet.
    ///
    /// # Errors
    /// If the URL is not one of HTTP or HTTPS.
    pub(super) fn new(endpoint: &str, timeout: Duration) -> Result<Self, BuildError> {
        let mut roots = RootCertStore::empty();
        if endpoint.starts_with("https://") {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Self::with_roots(endpoint, timeout, roots)
    }

    fn with_roots(
        endpoint: &str,
        timeout: Duration,
        roots: RootCertStore,
    ) -> Result<Self, BuildError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config(roots)?)
            .https_or_http()
            .enable_http1()
            .build();
        // An idle connection would have nobody to watch it between two batches.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self {
            url: traces_url(endpoint)?,
            client,
            timeout,
            last_failure: LastFailure::default(),
        })
    }

    /// Returns the URL of traces.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns a handle to the cause of the last failure.
    pub(super) fn last_failure(&self) -> LastFailure {
        self.last_failure.clone()
    }

    /// Sends a request, and blocks until its response has arrived or the time is up.
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let outcome = runtime.block_on(self.exchange(request));
        // A look-up of a name that goes on after the timeout would be waited for.
        runtime.shutdown_background();
        outcome
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let end = Instant::now() + self.timeout;
        let sent = timeout_at(end, self.client.request(request.map(Full::new)));
        let response = sent.await.map_err(|_| {
            let text = format!("the collector did not respond within {:?}", self.timeout);
            io::Error::new(io::ErrorKind::TimedOut, text)
        })??;
        let (head, body) = response.into_parts();
        // It is read so that the collector can send all of it. A failure does not change the status.
        let body = Limited::new(body, MAX_RESPONSE_SIZE);
        let _ = timeout_at(end, body.collect()).await;
        Ok(Response::from_parts(head, Bytes::new()))
    }
}

/// Returns the URL of traces at an endpoint, or the mistake in the endpoint.
fn traces_url(endpoint: &str) -> Result<String, BuildError> {
    let wrong = |why: &str| {
        BuildError::new(format!(
            "`tracing.endpoint`: `{endpoint}` {why}; write `http://host:4318`"
        ))
    };
    let (scheme, rest) = match endpoint.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        _ => return Err(wrong("is not an HTTP URL")),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_usable = |byte: u8| byte.is_ascii_graphic() && !b"@?#".contains(&byte);
    if authority.is_empty() || !rest.bytes().all(is_usable) {
        return Err(wrong("is not a URL of a collector"));
    }
    let host = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.ends_with(']') => {
            let _: u16 = port.parse().map_err(|_| wrong("has no valid port"))?;
            host
        }
        _ => authority,
    };
    if scheme == "https" {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host);
        name.map_err(|_| wrong("has a host that a certificate cannot have"))?;
    }
    let path = match path {
        "" | "/" => "/v1/traces",
        path => path,
    };
    Ok(format!("{scheme}://{authority}{path}"))
}

/// Returns the configuration of TLS with these root certificates.
fn tls_config(roots: RootCertStore) -> Result<ClientConfig, BuildError> {
    // Named here: a second provider in the program would make the default ambiguous.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::new(format!("`tracing.endpoint`: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

impl HttpClient for Collector {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let outcome = self.send(request);
            let cause = outcome
                .as_ref()
                .err()
                .map(|error| redact::chain(&**error, MAX_CAUSE_LENGTH));
            self.last_failure.replace(cause);
            outcome
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use super::*;

    fn collector(url: &str) -> Result<Collector, String> {
        Collector::new(url, Duration::from_secs(1)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_without_a_path_has_the_usual_one() {
        for (url, whole) in [
            ("http://collector", "http://collector/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            (
                "https://collector/otlp/v1/traces",
                "https://collector/otlp/v1/traces",
            ),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
            ("https://[::1]", "https://[::1]/v1/traces"),
        ] {
            assert_eq!(collector(url).unwrap().url, whole);
        }
    }

    #[test]
    fn a_url_that_cannot_be_one_of_a_collector_is_refused() {
        for url in [
            "",
            "collector:4318",
            "grpc://a",
            "http://",
            "http:///v1",
            "http://a:b",
            "http://u:p@a",
            "https://a*b",
        ] {
            let problem = collector(url).unwrap_err();
            assert!(problem.contains("http://host:4318"), "{problem}");
        }
    }

    fn post(collector: &Collector) -> Result<u16, HttpError> {
        let request = Request::post(collector.url())
            .header("x-key", "secret")
            .body(Bytes::from_static(b"spans"))?;
        Ok(collector.send(request)?.status().as_u16())
    }

    /// Answers one request, and returns it.
    fn serve(mut stream: impl Read + Write, response: &str) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"spans") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream.write_all(response.as_bytes()).unwrap();
        stream.flush().unwrap();
        String::from_utf8(request).unwrap()
    }

    #[test]
    fn a_batch_is_posted_with_its_headers_and_the_status_comes_back() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            // Neither the length of the body nor its end tells anything that matters.
            let response = "HTTP/1.1 503 Busy\r\ncontent-length: 9999\r\n\r\nno";
            serve(listener.accept().unwrap().0, response)
        });
        let collector = collector(&format!("http://{address}")).unwrap();
        assert_eq!(post(&collector).unwrap(), 503);
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /v1/traces HTTP/1.1\r\n"));
        for header in [
            "x-key: secret".to_owned(),
            "content-length: 5".to_owned(),
            format!("host: {address}"),
        ] {
            assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
        }
    }

    #[test]
    fn a_collector_is_trusted_by_its_certificate() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = StreamOwned::new(connection, listener.accept().unwrap().0);
            serve(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            // The handshake fails with a client that does not know the certificate.
            let connection = ServerConnection::new(config).unwrap();
            let mut stream = StreamOwned::new(connection, listener.accept().unwrap().0);
            stream.read_exact(&mut [0]).unwrap_err();
        });
        let endpoint = format!("https://localhost:{port}");
        let timeout = Duration::from_secs(10);
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let trusting = Collector::with_roots(&endpoint, timeout, roots).unwrap();
        assert_eq!(post(&trusting).unwrap(), 200);
        let strange = Collector::with_roots(&endpoint, timeout, RootCertStore::empty()).unwrap();
        let problem = redact::chain(&*post(&strange).unwrap_err(), MAX_CAUSE_LENGTH);
        assert!(problem.contains("invalid peer certificate"), "{problem}");
        server.join().unwrap();
    }

    #[test]
    fn the_cause_of_a_failure_is_kept() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let export = |collector: &Collector| {
            let request = Request::post(collector.url()).body(Bytes::new()).unwrap();
            futures_util::FutureExt::now_or_never(collector.send_bytes(request)).unwrap()
        };
        let silent = collector(&format!("http://{address}")).unwrap();
        export(&silent).unwrap_err();
        let cause = silent.last_failure().take().unwrap();
        assert!(cause.contains("did not respond within 1s"), "{cause}");
        assert_eq!(silent.last_failure().take(), None);
        drop(listener);
        export(&silent).unwrap_err();
        let cause = silent.last_failure().take().unwrap();
        assert!(cause.contains("Connection refused"), "{cause}");
    }
}
