//! The HTTP request behind a job that came over HTTP.

use std::fmt;

/// The HTTP request that a job came by. Handlers and middleware get it by [`Context::http`](crate::Context::http) and from
/// the extensions of a job.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::HttpRequest;
///
/// let request = HttpRequest::new("GET", "/books/7?full=yes").with_header("Accept-Language", "fr");
/// assert_eq!((request.method(), request.path()), ("GET", "/books/7"));
/// assert_eq!(request.query(), Some("full=yes"));
/// assert_eq!(request.header("accept-language"), Some("fr"));
/// ```
#[derive(Clone)]
pub struct HttpRequest {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl HttpRequest {
    /// Returns a request by its method and its target, which is a path, and a query after a question mark.
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the method: `GET`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the path as it was sent, with its escapes.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns the query as it was sent, without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// Returns the first header of this name, in any case, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find_map(|(known, value)| {
            let is_it = known.eq_ignore_ascii_case(name);
            is_it.then_some(value)
        })
    }

    /// Returns all headers, in the order in which they were sent.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for HttpRequest {
    /// Writes the names of the headers only, because their values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers().map(|(name, _)| name).collect();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
