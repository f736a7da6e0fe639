//! The head of a job, made of the headers of a request: context, control, and the request itself.

use std::ops::Deref;
use std::sync::Arc;

use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use soa_runtime::client::HttpRequest;
use soa_runtime::internal::HttpHead;
use soa_runtime::period::Period;
use soa_wire::codec::json;
use soa_wire::{ContextHeader, Control, SwitchSet, Value};

use crate::refusal::Refusal;
use crate::settings::HttpSettings;

/// The correlation id of a request, and of its answer.
pub(crate) const CORRELATION_ID: &str = "x-correlation-id";
const CORRELATION_ID_NAME: HeaderName = HeaderName::from_static(CORRELATION_ID);
pub(crate) const SWITCHES: &str = "x-soa-switches";
pub(crate) const TIMEOUT: &str = "x-soa-timeout";
pub(crate) const CALLER: &str = "x-soa-caller";
pub(crate) const CONTEXT: &str = "x-soa-context";
pub(crate) const TRACE_PARENT: &str = "traceparent";
pub(crate) const TRACE_STATE: &str = "tracestate";

/// The head of a job. It is boxed, as each function on its way would move it otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) context: ContextHeader,
    pub(crate) control: Control,
    pub(crate) request: HttpRequest,
}

impl Head {
    /// Reads the headers of a request.
    ///
    /// # Errors
    /// A header of the framework's own is malformed: 400, with its name.
    pub(crate) fn read(
        parts: &Arc<DoorHead>,
        settings: &HttpSettings,
    ) -> Result<Box<Self>, Refusal> {
        let given = Given::of(&parts.headers);
        let mut context = match text(CORRELATION_ID, given.correlation_id)? {
            Some(id) if !id.is_empty() => ContextHeader::new(id),
            _ => ContextHeader::fresh(),
        };
        let mut control = Control::default();
        if let Some(parent) = text(TRACE_PARENT, given.trace_parent).ok().flatten() {
            // The standard wants a malformed one to be ignored.
            let _ = context.set(TRACE_PARENT.to_owned(), parent.into());
            if let Some(state) = text(TRACE_STATE, given.trace_state).ok().flatten() {
                let _ = context.set(TRACE_STATE.to_owned(), state.into());
            }
        }
        if let Some(switches) = text(SWITCHES, given.switches)? {
            let numbers = switches.split(',').map(|one| one.trim().parse::<i64>());
            let numbers: Result<SwitchSet, _> = numbers.collect();
            context.switches = numbers.map_err(|_| {
                Refusal::malformed(SWITCHES, "expected numbers with commas between")
            })?;
        }
        if let Some(timeout) = text(TIMEOUT, given.timeout)? {
            let period: Period = timeout.parse().map_err(|_| {
                Refusal::malformed(TIMEOUT, "expected seconds, or a time such as 250ms")
            })?;
            if period.get().is_zero() {
                return Err(Refusal::malformed(TIMEOUT, "expected more than 0"));
            }
            control.set_timeout(period.get());
        }
        if let Some(caller) = text(CALLER, given.caller)? {
            context.caller = Some(caller.into());
        }
        if let Some(extra) = text(CONTEXT, given.context)? {
            let extra = json::decode_value(extra.as_bytes());
            let Ok(Value::Map(extra)) = extra.map(Value::with_keys_once) else {
                return Err(Refusal::malformed(CONTEXT, "expected an object of JSON"));
            };
            for (key, value) in extra.into_pairs() {
                let Value::Text(key) = key else { continue };
                let set = context.set(key, value);
                set.map_err(|problem| Refusal::malformed(CONTEXT, &problem))?;
            }
        }
        if let Some(token) = token(given.authorization, &parts.headers, settings) {
            context.extra.insert(settings.token_key.as_str(), token);
        }
        let request = HttpRequest::of(Arc::clone(parts) as Arc<_>);
        Ok(Box::new(Self {
            context,
            control,
            request,
        }))
    }
}

/// The headers that a head is made of. They are found in one pass, as most requests have few headers, and none of these.
#[derive(Default)]
struct Given<'a> {
    correlation_id: Option<&'a HeaderValue>,
    trace_parent: Option<&'a HeaderValue>,
    trace_state: Option<&'a HeaderValue>,
    switches: Option<&'a HeaderValue>,
    timeout: Option<&'a HeaderValue>,
    caller: Option<&'a HeaderValue>,
    context: Option<&'a HeaderValue>,
    authorization: Option<&'a HeaderValue>,
}

impl<'a> Given<'a> {
    /// Of several headers with one name, the first counts.
    fn of(headers: &'a HeaderMap) -> Self {
        let mut given = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                CORRELATION_ID => &mut given.correlation_id,
                TRACE_PARENT => &mut given.trace_parent,
                TRACE_STATE => &mut given.trace_state,
                SWITCHES => &mut given.switches,
                TIMEOUT => &mut given.timeout,
                CALLER => &mut given.caller,
                CONTEXT => &mut given.context,
                "authorization" => &mut given.authorization,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        given
    }
}

/// Returns a header as text. One that is not text is malformed.
fn text<'a>(
    name: &'static str,
    value: Option<&'a HeaderValue>,
) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text = value.to_str();
    text.map(|text| Some(text.trim()))
        .map_err(|_| Refusal::malformed(name, "expected text"))
}

/// Returns the header with a correlation id, unless the id cannot be in one.
pub(crate) fn id_header(id: &str) -> Option<(HeaderName, HeaderValue)> {
    let id = HeaderValue::from_str(id).ok()?;
    Some((CORRELATION_ID_NAME, id))
}

/// Returns the header with the correlation id of a request, if it is one.
pub(crate) fn given_id(headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
    let id = headers.get(CORRELATION_ID_NAME)?;
    id.to_str().ok().filter(|id| !id.trim().is_empty())?;
    Some((CORRELATION_ID_NAME, id.clone()))
}

/// Returns the token of a request: of the header `Authorization`, without its scheme, or of a cookie.
fn token<'a>(
    authorization: Option<&'a HeaderValue>,
    headers: &'a HeaderMap,
    settings: &HttpSettings,
) -> Option<&'a str> {
    let of_header = authorization.and_then(|value| value.to_str().ok());
    if let Some(mut token) = of_header {
        // A service of the reference that passes a token on says the scheme twice.
        while let Some((scheme, rest)) = token.trim_start().split_once(' ')
            && scheme.eq_ignore_ascii_case("bearer")
        {
            token = rest.trim_start();
        }
        // A scheme alone is no token.
        if !token.is_empty() && !token.eq_ignore_ascii_case("bearer") {
            return Some(token);
        }
    }
    let name = settings.token_cookie.as_deref()?;
    let cookies = headers.get_all(COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='));
    let (_, token) = pairs.find(|(known, _)| *known == name)?;
    Some(token)
}

/// The head of a request of the door, as handlers see it.
#[derive(Debug)]
pub(crate) struct DoorHead(Parts);

impl DoorHead {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self(parts))
    }
}

impl Deref for DoorHead {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl HttpHead for DoorHead {
    fn method(&self) -> &str {
        self.0.method.as_str()
    }

    fn target(&self) -> &str {
        let target = self.0.uri.path_and_query();
        target.map_or("/", |target| target.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let headers = self.0.headers.iter();
        let texts = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        texts.collect()
    }
}
