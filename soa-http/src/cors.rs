//! CORS: pages of other origins, in browsers.
//!
//! A request before the request (`OPTIONS` with the method that is asked for) is answered here; every other one gets the
//! headers that let a page read its answer. An origin that is not listed gets none, and its browser refuses the answer. The
//! layer of tower-http answers every `OPTIONS`, and so would hide the methods of a path.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use axum::middleware::{Next, from_fn};
use soa_wire::BuildError;

use crate::settings::CorsSettings;

/// The name of every origin.
const ANY: &str = "*";

/// The answers to browsers, made of the settings.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origins: Vec<String>,
    has_credentials: bool,
    methods: HeaderValue,
    /// `None` for those that a browser asks for.
    headers: Option<HeaderValue>,
    exposed: Option<HeaderValue>,
    max_age: HeaderValue,
}

impl Cors {
    /// # Errors
    /// A text cannot be in a header; or every origin may send credentials.
    pub(crate) fn new(settings: &CorsSettings) -> Result<Self, BuildError> {
        if let Some(mistake) = settings.mistake() {
            return Err(BuildError::new(mistake));
        }
        let list = |key: &str, texts: &[String]| {
            let value = HeaderValue::from_str(&texts.join(", "));
            value.map_err(|_| BuildError::new(format!("`{key}` of CORS cannot be in a header")))
        };
        let some = |key: &str, texts: &[String]| match texts.is_empty() {
            true => Ok(None),
            false => list(key, texts).map(Some),
        };
        Ok(Self {
            origins: settings.origins.clone(),
            has_credentials: settings.credentials,
            methods: list("methods", &settings.methods)?,
            headers: some("headers", &settings.headers)?,
            exposed: some("exposed_headers", &settings.exposed_headers)?,
            max_age: HeaderValue::from(settings.max_age.get().as_secs()),
        })
    }

    /// Adds it around a router.
    pub(crate) fn around(self, router: Router) -> Router {
        let cors = Arc::new(self);
        router.layer(from_fn(move |request: Request, next: Next| {
            let cors = Arc::clone(&cors);
            async move { cors.answer(request, next).await }
        }))
    }

    async fn answer(&self, request: Request, next: Next) -> Response<axum::body::Body> {
        let headers = request.headers();
        let allowed = headers.get(ORIGIN).and_then(|origin| self.allowed(origin));
        let is_asking = *request.method() == Method::OPTIONS
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let mut response = match &allowed {
            Some(_) if is_asking => {
                let mut response = Response::new(axum::body::Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                self.tell_more(response.headers_mut(), asked);
                response
            }
            _ => next.run(request).await,
        };
        let headers = response.headers_mut();
        if !self.is_the_same_for_all() {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            if self.has_credentials {
                let yes = HeaderValue::from_static("true");
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
            }
            if let Some(exposed) = self.exposed.clone().filter(|_| !is_asking) {
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
            }
        }
        response
    }

    fn is_the_same_for_all(&self) -> bool {
        self.origins.iter().any(|known| known == ANY)
    }

    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.is_the_same_for_all() {
            return Some(HeaderValue::from_static(ANY));
        }
        let mut known = self.origins.iter();
        let is_known = known.any(|known| known.as_bytes() == origin.as_bytes());
        is_known.then(|| origin.clone())
    }

    /// Adds what a browser asks before its request.
    fn tell_more(&self, headers: &mut HeaderMap, asked: Option<HeaderValue>) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        if let Some(allowed) = self.headers.clone().or(asked) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
    }
}
