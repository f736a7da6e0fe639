//! The HTTP request behind a job that came over HTTP.

use std::fmt;
use std::sync::Arc;

/// The HTTP request that a job came by. Handlers and middleware get it by `Context::http` and from the
/// extensions of a job.
///
/// ```
/// # use soa_wire as soa;
/// use soa::message::HttpRequest;
///
/// let request = HttpRequest::new("GET", "/books/7?full=yes").with_header("Accept-Language", "fr");
/// assert_eq!((request.method(), request.path()), ("GET", "/books/7"));
/// assert_eq!(request.query(), Some("full=yes"));
/// assert_eq!(request.header("accept-language"), Some("fr"));
/// ```
#[derive(Clone)]
pub struct HttpRequest(Arc<dyn HttpHead>);

/// The head of a request, as a door has it. It is not copied for a handler that does not look at it.
#[doc(hidden)]
pub trait HttpHead: Send + Sync {
    /// Returns the method.
    fn method(&self) -> &str;
    /// Returns the path and the query.
    fn target(&self) -> &str;
    /// Returns the first header of this name, in any case, if it is text.
    fn header(&self, name: &str) -> Option<&str>;
    /// Returns all headers that are text.
    fn headers(&self) -> Vec<(&str, &str)>;
}

/// A head that was made by hand.
#[derive(Clone)]
struct OwnHead {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl HttpHead for OwnHead {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

impl HttpRequest {
    /// Returns a request by its method and its target, which is a path, and a query after a question mark.
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self(Arc::new(OwnHead {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
        }))
    }

    /// Returns the request with this head.
    #[doc(hidden)]
    pub fn of(head: Arc<dyn HttpHead>) -> Self {
        Self(head)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let headers = self.0.headers().into_iter();
        let mut headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        headers.push((name.into(), value.into()));
        Self(Arc::new(OwnHead {
            method: self.0.method().to_owned(),
            target: self.0.target().to_owned(),
            headers,
        }))
    }

    /// Returns the method: `GET`.
    pub fn method(&self) -> &str {
        self.0.method()
    }

    /// Returns the path as it was sent, with its escapes.
    pub fn path(&self) -> &str {
        self.0.target().split('?').next().unwrap_or_default()
    }

    /// Returns the query as it was sent, without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.0.target().split_once('?').map(|(_, query)| query)
    }

    /// Returns the first header of this name, in any case, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    /// Returns all headers that are text, in the order of their names' first appearance.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.headers().into_iter()
    }
}

impl fmt::Debug for HttpRequest {
    /// Writes the names of the headers only, because their values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers().map(|(name, _)| name).collect();
        f.debug_struct("HttpRequest")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
