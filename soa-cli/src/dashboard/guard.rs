//! The guard before all requests: which host they mean, where they come from, who sends them, and what they may.
//!
//! ```text
//! Host      an address, localhost or a name of --host: a foreign name that leads here is a trick (DNS rebinding)
//! origin    the page itself: no other page may send anything, nor read
//! login     a token, a password, or none on a loopback address
//! changes   only with --allow-changes, and only with a header that no form of another page can send
//! ```
//!
//! It also puts the headers on each answer that keep a browser from running anything but the script of the page.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::answer::Refusal;
use super::shared::Dashboard;

/// The beginning of the paths of the API.
pub(super) const API: &str = "/api/";

/// The header that a page of another site cannot send without asking first.
const OWN_HEADER: HeaderName = HeaderName::from_static("x-soa-dashboard");

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Headers of all answers.
const ANSWERED: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Time that a wrong password is answered after. Those that find no place to wait are refused at once, and a right one always
/// gets in, so that nobody can lock others out: against those who guess, the length of the secrets helps, and not this.
const GUESS_PAUSE: Duration = Duration::from_secs(1);

/// Admits a request, or answers why not.
pub(super) async fn guard(
    State(dashboard): State<Arc<Dashboard>>,
    request: Request,
    next: Next,
) -> Response {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let mut response = match admit(&dashboard, method, uri, headers).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            let mut response = refusal.into_response();
            if response.status() == StatusCode::UNAUTHORIZED && dashboard.login.is_basic() {
                let ask =
                    HeaderValue::from_static("Basic realm=\"soa dashboard\", charset=\"UTF-8\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, ask);
            }
            response
        }
    };
    let headers = response.headers_mut();
    for (name, value) in ANSWERED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn admit(
    dashboard: &Dashboard,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let path = uri.path();
    // A request of HTTP/2 has its host in the address.
    let authority = uri.authority();
    let host = match authority {
        Some(authority) => Some(authority.as_str()),
        None => text_of(headers, &HOST),
    };
    let Some(host) = host.filter(|host| is_own_host(host, &dashboard.hosts)) else {
        return Err(wrong_host(host));
    };
    let is_api = path.starts_with(API);
    if is_api {
        same_origin(headers, host)?;
    }
    let is_public = match dashboard.login.is_basic() {
        true => false,
        // The page and the form that asks for the token.
        false => !is_api || ["/api/session", "/api/login"].contains(&path),
    };
    if !is_public && !dashboard.login.admits(headers) {
        if dashboard.login.has_guess(headers) {
            guessed(dashboard).await?;
        }
        return Err(sign_in());
    }
    let is_reading = [Method::GET, Method::HEAD].contains(method);
    if is_api && !is_reading {
        own_header(headers)?;
        let is_session = ["/api/login", "/api/logout"].contains(&path);
        if !is_session && !dashboard.allow_changes {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "READ_ONLY",
                "this dashboard is read-only: calls and changes need `--allow-changes`",
            )
            .advise("start it with `soa dashboard --allow-changes`, or use `soa call` and `soa dead` in a terminal"));
        }
    }
    Ok(())
}

pub(super) fn sign_in() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "SIGN_IN",
        "sign in first: the token is missing or wrong, or the session has ended",
    )
    .advise("give the token of `--token` or SOA_DASHBOARD_TOKEN, or a user of `--basic-auth`")
}

/// Holds up those who guess.
pub(super) async fn guessed(dashboard: &Dashboard) -> Result<(), Refusal> {
    let Ok(_place) = dashboard.guesses.try_acquire() else {
        return Err(Refusal::too_many("too many wrong passwords at once"));
    };
    tokio::time::sleep(GUESS_PAUSE).await;
    Ok(())
}

fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The name in a `Host`, without the port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// True for addresses, for localhost, and for the names that were given. The name of another site may lead here, too, as its
/// owner chooses what it stands for; an address is what it is. The port may be that of a tunnel.
fn is_own_host(host: &str, names: &[String]) -> bool {
    let name = name_of(host);
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn wrong_host(host: Option<&str>) -> Refusal {
    let message = match host {
        Some(host) => format!("`{}` is not a host of this dashboard", host.escape_debug()),
        None => "the request has no header Host".to_owned(),
    };
    Refusal::new(StatusCode::MISDIRECTED_REQUEST, "WRONG_HOST", message).advise(
        "open it by its address or as localhost, or start it with `--host NAME` for each name under which it is opened",
    )
}

/// Refuses requests that a page of another site has a browser send.
fn same_origin(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    // What was typed into a browser has `none`, and what is no browser has nothing.
    let site = text_of(headers, &FETCH_SITE);
    let is_own_site = site.is_none_or(|site| ["same-origin", "none"].contains(&site));
    let is_own_origin = headers.get(ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().ok();
        let rest = origin.and_then(|origin| origin.split_once("://"));
        rest.is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
    });
    match is_own_site && is_own_origin {
        true => Ok(()),
        false => Err(foreign("the request comes from the page of another site")),
    }
}

/// Demands what no form of another page can send.
fn own_header(headers: &HeaderMap) -> Result<(), Refusal> {
    if !headers.contains_key(OWN_HEADER) {
        return Err(foreign("the request lacks the header `X-Soa-Dashboard`"));
    }
    let content_type = text_of(headers, &CONTENT_TYPE).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(foreign(
            "the request lacks `Content-Type: application/json`",
        )),
    }
}

fn foreign(message: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "FOREIGN_ORIGIN", message).advise(
        "use the page of this dashboard; programs send `X-Soa-Dashboard: 1`, `Content-Type: application/json` and no Origin",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_given_names_are_hosts_and_others_are_not() {
        let names = ["fleet.example".to_owned()];
        for own in [
            "127.0.0.1:8080",
            "10.0.0.7",
            "[::1]:8080",
            "localhost:9000",
            "LOCALHOST",
            "fleet.example",
            "Fleet.Example:443",
        ] {
            assert!(is_own_host(own, &names), "{own}");
        }
        for other in [
            "",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "fleet.example.evil.example",
            "[evil.example]",
        ] {
            assert!(!is_own_host(other, &names), "{other}");
        }
    }

    #[test]
    fn requests_of_other_pages_are_refused() {
        let of = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().cloned();
            let headers: HeaderMap = pairs
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect();
            same_origin(&headers, "localhost:8080").is_ok()
        };
        assert!(of(&[]));
        assert!(of(&[
            (FETCH_SITE, "same-origin"),
            (ORIGIN, "http://localhost:8080")
        ]));
        assert!(of(&[(FETCH_SITE, "none")]));
        assert!(of(&[(ORIGIN, "https://localhost:8080")]));
        assert!(!of(&[(FETCH_SITE, "cross-site")]));
        assert!(!of(&[(FETCH_SITE, "same-site")]));
        for origin in ["http://localhost:8081", "http://evil.example", "null", ""] {
            assert!(!of(&[(ORIGIN, origin)]), "{origin}");
        }
    }
}
