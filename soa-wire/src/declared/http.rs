//! The properties of an action that matter over HTTP: routes, status, headers, and what its documents say. Plain data, which
//! needs no HTTP.

/// The method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or anything else.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// Returns the method as a request has it: `GET`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// True if a request has a body of its own by this method.
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// A route to an action: a method, and a path with the names of request fields in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    method: Method,
    path: &'static str,
}

impl Route {
    /// Returns a route. The path begins with a slash; the prefix of the service comes before it.
    pub const fn new(method: Method, path: &'static str) -> Self {
        Self { method, path }
    }

    /// Returns the method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Returns the path below the prefix of the service.
    pub const fn path(&self) -> &'static str {
        self.path
    }
}

/// The part of a request that is the body of the HTTP request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyForm {
    /// The first field that is a struct, as in Aspyx; no part, if there is none.
    #[default]
    ByType,
    /// All fields that are not in the path.
    Whole,
    /// This field.
    Field(&'static str),
}

/// The part of a response that is the result of a call over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultForm {
    /// The field of a response that has just one, else the response.
    #[default]
    Unwrapped,
    /// The response, whatever it has.
    Whole,
    /// This field.
    Field(&'static str),
}

/// The declarations of an action for HTTP.
///
/// ```
/// # use soa_wire as soa;
/// use soa::declared::{HttpDeclared, Method, Route};
///
/// // `#[action(post = "/books", status = 201)]`
/// const ADD: HttpDeclared = HttpDeclared::new().routes(&[Route::new(Method::Post, "/books")]).status(201);
/// assert_eq!((ADD.success_status(), ADD.all_routes()[0].path()), (201, "/books"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDeclared {
    routes: &'static [Route],
    body: BodyForm,
    result: ResultForm,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    summary: Option<&'static str>,
    description: Option<&'static str>,
    tags: &'static [&'static str],
}

impl Default for HttpDeclared {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpDeclared {
    /// Creates declarations without any: no route, the status 200.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            routes: &[],
            body: BodyForm::ByType,
            result: ResultForm::Unwrapped,
            status: 200,
            headers: &[],
            summary: None,
            description: None,
            tags: &[],
        }
    }

    /// Sets the routes.
    #[must_use]
    pub const fn routes(mut self, routes: &'static [Route]) -> Self {
        self.routes = routes;
        self
    }

    /// Sets the part of the request that is the body of the HTTP request.
    #[must_use]
    pub const fn body(mut self, form: BodyForm) -> Self {
        self.body = form;
        self
    }

    /// Sets the part of the response that is the result.
    #[must_use]
    pub const fn result(mut self, form: ResultForm) -> Self {
        self.result = form;
        self
    }

    /// Sets the status of a success.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets headers of a success, whose values may have the names of response and request fields in braces.
    #[must_use]
    pub const fn headers(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the summary. By default it is the first line of the doc comment.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = Some(summary);
        self
    }

    /// Sets the description. By default it is the doc comment.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// Sets the tags.
    #[must_use]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// Returns the routes.
    pub const fn all_routes(&self) -> &'static [Route] {
        self.routes
    }

    /// Returns the part of the request that is the body.
    pub const fn body_form(&self) -> BodyForm {
        self.body
    }

    /// Returns the part of the response that is the result.
    pub const fn result_form(&self) -> ResultForm {
        self.result
    }

    /// Returns the status of a success.
    pub const fn success_status(&self) -> u16 {
        self.status
    }

    /// Returns the headers of a success.
    pub const fn success_headers(&self) -> &'static [(&'static str, &'static str)] {
        self.headers
    }

    /// Returns the declared summary.
    pub const fn declared_summary(&self) -> Option<&'static str> {
        self.summary
    }

    /// Returns the declared description.
    pub const fn declared_description(&self) -> Option<&'static str> {
        self.description
    }

    /// Returns the tags.
    pub const fn all_tags(&self) -> &'static [&'static str] {
        self.tags
    }
}

/// The header by which a caller learns that its token is refused.
pub const CHALLENGE_HEADER: &str = "WWW-Authenticate";

/// The maximum length of the description in a challenge.
const MAX_DESCRIPTION: usize = 200;

/// Returns the challenge to a caller whose token is refused, with the reason (RFC 6750, section 3). Clients of Aspyx look for
/// the words `expired` and `missing` in it.
///
/// Characters that a description cannot have are replaced, so a reason is never the end of the header.
pub fn bearer_challenge(reason: &str) -> String {
    let allowed = |character: char| match character {
        '"' => '\'',
        ' '..='~' if character != '\\' => character,
        _ => '?',
    };
    let description: String = reason.chars().take(MAX_DESCRIPTION).map(allowed).collect();
    format!("Bearer error=\"invalid_token\", error_description=\"{description}\"")
}

/// The status and the headers of an error over HTTP, where the error itself has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: Option<u16>,
    /// The headers, by name.
    pub headers: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::bearer_challenge;

    #[test]
    fn a_reason_cannot_leave_its_place_in_a_challenge() {
        let start = "Bearer error=\"invalid_token\", error_description=\"";
        let hostile = "no\r\nSet-Cookie: a=b\\\", realm=\"\u{e9}\u{7f}";
        let challenge = bearer_challenge(hostile);
        let description = challenge.strip_prefix(start).unwrap();
        assert_eq!(description, "no??Set-Cookie: a=b?', realm='??\"");
        assert!(bearer_challenge(&"x".repeat(10_000)).len() < 300);
    }
}
