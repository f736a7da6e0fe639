//! A minimal blocking HTTP client that sends batches to one collector.
//!
//! Each batch has a connection of its own, and one timeout for everything. Only the status of the response is used. The
//! client runs on the thread of the exporter, where blocking holds up nothing else.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use soa_runtime::BuildError;

/// Largest part of a response that is read, in bytes.
const RESPONSE_SIZE_LIMIT: u64 = 64 * 1024;

/// The collector that receives batches.
#[derive(Debug)]
pub(super) struct Collector {
    url: String,
    host: String,
    port: u16,
    /// `None` for plain HTTP.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Duration,
}

impl Collector {
    /// A client for the collector at a URL.
    ///
    /// # Errors
    /// The URL is not one of a collector.
    pub(super) fn new(endpoint: &str, timeout: Duration) -> Result<Self, BuildError> {
        let wrong = |why: &str| {
            BuildError::new(format!(
                "`tracing.endpoint`: `{endpoint}` {why}; expected a URL such as `http://host:4318`"
            ))
        };
        let (is_tls, rest) = match (
            endpoint.strip_prefix("http://"),
            endpoint.strip_prefix("https://"),
        ) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(wrong("does not begin with `http://` or `https://`")),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_usable = |byte: u8| byte.is_ascii_graphic() && !b"@?#".contains(&byte);
        if authority.is_empty() || !rest.bytes().all(is_usable) {
            return Err(wrong("has no host, or contains `@`, `?` or `#`"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            // An IPv6 address has its colons in brackets.
            Some((host, port)) if !port.ends_with(']') => (
                host,
                port.parse().map_err(|_| wrong("has an invalid port"))?,
            ),
            _ => (authority, if is_tls { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let path = match path {
            "" | "/" => "/v1/traces",
            path => path,
        };
        let tls = is_tls.then(|| {
            let name = ServerName::try_from(host.to_owned());
            let name =
                name.map_err(|_| wrong("has a host name that cannot be in a certificate"))?;
            Ok::<_, BuildError>((tls()?, name))
        });
        Ok(Self {
            url: format!(
                "{}://{authority}{path}",
                if is_tls { "https" } else { "http" }
            ),
            host: host.to_owned(),
            port,
            tls: tls.transpose()?,
            timeout,
        })
    }

    /// The URL, with its path.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request, and returns the status of its response.
    fn send(&self, request: &Request<Bytes>) -> io::Result<u16> {
        let end = Instant::now() + self.timeout;
        let stream = Timed {
            stream: self.connect(end)?,
            end,
        };
        match &self.tls {
            None => exchange(stream, request),
            Some((config, name)) => {
                let connection = ClientConnection::new(Arc::clone(config), name.clone());
                let connection = connection.map_err(io::Error::other)?;
                exchange(StreamOwned::new(connection, stream), request)
            }
        }
    }

    /// Connects to the first address of the host that accepts the connection.
    fn connect(&self, end: Instant) -> io::Result<TcpStream> {
        let mut problem = io::ErrorKind::NotFound.into();
        for address in (&*self.host, self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(end)?) {
                Ok(stream) => return Ok(stream),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }
}

/// A TLS configuration with the certificates of the system.
fn tls() -> Result<Arc<ClientConfig>, BuildError> {
    let wrong = |error: rustls::Error| BuildError::new(format!("`tracing.endpoint`: {error}"));
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
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
            let status = self.send(&request)?;
            Ok(Response::builder().status(status).body(Bytes::new())?)
        })
    }
}

/// Sends a request and reads the status of its response.
fn exchange(mut stream: impl Read + Write, request: &Request<Bytes>) -> io::Result<u16> {
    let (uri, body) = (request.uri(), request.body());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    write!(
        head,
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&head)?;
    stream.write_all(body)?;
    stream.flush()?;
    let mut response = Vec::new();
    // Only the status is used. The rest is read so that the collector can finish its response.
    let read = stream.take(RESPONSE_SIZE_LIMIT).read_to_end(&mut response);
    let status = response
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..5));
    let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match (status, read) {
        (Some(status), _) => Ok(status),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the collector sent an invalid HTTP response",
        )),
    }
}

/// A stream with one deadline for all reads and writes together.
struct Timed {
    stream: TcpStream,
    end: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.end)?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.end)?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The time until the deadline; an error if it is over.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(url: &str) -> Result<Collector, String> {
        Collector::new(url, Duration::from_secs(1)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_without_a_path_has_the_usual_one() {
        for (url, whole, port) in [
            ("http://collector", "http://collector/v1/traces", 80),
            (
                "http://collector:4318/",
                "http://collector:4318/v1/traces",
                4318,
            ),
            (
                "https://collector/otlp/v1/traces",
                "https://collector/otlp/v1/traces",
                443,
            ),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces", 4318),
            ("http://[::1]", "http://[::1]/v1/traces", 80),
        ] {
            let collector = collector(url).unwrap();
            assert_eq!((&*collector.url, collector.port), (whole, port));
        }
    }

    #[test]
    fn an_invalid_url_is_refused() {
        for url in [
            "",
            "collector:4318",
            "grpc://a",
            "http://",
            "http:///v1",
            "http://a:b",
            "http://u:p@a",
        ] {
            let problem = collector(url).unwrap_err();
            assert!(problem.contains("http://host:4318"), "{problem}");
        }
    }
}
