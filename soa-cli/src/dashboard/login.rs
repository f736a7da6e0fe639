//! Logins: everybody on this machine may look, or whoever knows a token, or users with passwords.
//!
//! Nothing here is kept as it was given: tokens and passwords are compared by their digests, in a time that does not depend on
//! what differs. A browser that has given the token gets the id of a session as a cookie; the token itself is never sent back.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use soa_runtime::codec::Value;
use soa_runtime::text;
use uuid::Uuid;

use crate::failure::{Failure, Reason};

/// Least length of a token and of a password, in bytes. Nothing else holds up those who guess.
const SECRET_LENGTH: usize = 16;

/// Time after which a browser has to give the token again.
const SESSION_TIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Largest number of browsers that have given the token. The oldest is forgotten for a new one.
const MAX_SESSIONS: usize = 100;

/// Name of the cookie.
const COOKIE_NAME: &str = "soa_dashboard";

/// The digest of a secret.
#[derive(Clone, Copy)]
struct Secret([u8; 32]);

impl Secret {
    fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// True if the two are the same. The time does not depend on where they differ.
    fn is(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// The secret that a visitor has to know.
enum Need {
    Nothing,
    Token(Secret),
    /// The values of the header `Authorization` of all users.
    Passwords(Vec<Secret>),
}

/// The login of the dashboard.
pub(super) struct Login {
    need: Need,
    sessions: Mutex<VecDeque<(Secret, Instant)>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Login").field(&self.word()).finish()
    }
}

impl Login {
    /// Prepares the login by a token, by a file with passwords, or by nothing.
    ///
    /// # Errors
    /// The token or a password is too short, or the file cannot be read.
    pub(super) fn new(token: Option<&str>, passwords: Option<&Path>) -> Result<Self, Failure> {
        let need = match (token, passwords) {
            (_, Some(file)) => Need::Passwords(read_passwords(file)?),
            (Some(token), None) => {
                demand_length("the token", token)?;
                Need::Token(Secret::of(token.as_bytes()))
            }
            (None, None) => Need::Nothing,
        };
        Ok(Self {
            need,
            sessions: Mutex::new(VecDeque::new()),
        })
    }

    /// The name of the way to sign in.
    pub(super) fn word(&self) -> &'static str {
        match self.need {
            Need::Nothing => "none",
            Need::Token(_) => "token",
            Need::Passwords(_) => "basic",
        }
    }

    pub(super) fn is_needed(&self) -> bool {
        !matches!(self.need, Need::Nothing)
    }

    /// True if the browser asks for a password by itself.
    pub(super) fn is_basic(&self) -> bool {
        matches!(self.need, Need::Passwords(_))
    }

    /// True if a request comes from somebody who may look.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let authorization = headers.get(AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok());
        match &self.need {
            Need::Nothing => true,
            Need::Token(token) => {
                let given = authorization.and_then(|value| value.strip_prefix("Bearer "));
                given.is_some_and(|given| token.is(&Secret::of(given.as_bytes())))
                    || self.has_session(headers)
            }
            Need::Passwords(known) => authorization.is_some_and(|value| {
                let given = Secret::of(value.as_bytes());
                known
                    .iter()
                    .fold(false, |found, known| found | known.is(&given))
            }),
        }
    }

    /// True if a request gives something that was refused: somebody may guess.
    pub(super) fn has_guess(&self, headers: &HeaderMap) -> bool {
        self.is_needed() && headers.contains_key(AUTHORIZATION)
    }

    /// Begins a session for a token. Returns the header with its cookie, or `None` if the token is wrong.
    ///
    /// A page that was opened through a proxy with TLS gets a cookie that is sent over TLS alone.
    pub(super) fn begin(&self, token: &str, headers: &HeaderMap) -> Option<String> {
        let Need::Token(right) = &self.need else {
            return None;
        };
        if !right.is(&Secret::of(token.as_bytes())) {
            return None;
        }
        let id = Uuid::new_v4().simple().to_string();
        let mut sessions = self.lock();
        while sessions.len() >= MAX_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back((Secret::of(id.as_bytes()), Instant::now()));
        let age = SESSION_TIME.as_secs();
        let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
        let is_secure = origin.is_some_and(|origin| origin.starts_with(b"https://"));
        let secure = if is_secure { "; Secure" } else { "" };
        Some(format!(
            "{COOKIE_NAME}={id}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
        ))
    }

    /// Ends the session of a request. Returns the header that removes its cookie.
    pub(super) fn end(&self, headers: &HeaderMap) -> String {
        if let Some(id) = session(headers) {
            self.lock().retain(|(known, _)| !known.is(&id));
        }
        format!("{COOKIE_NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let Some(id) = session(headers) else {
            return false;
        };
        let mut sessions = self.lock();
        sessions.retain(|(_, since)| since.elapsed() < SESSION_TIME);
        sessions
            .iter()
            .fold(false, |found, (known, _)| found | known.is(&id))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Secret, Instant)>> {
        // Nothing panics between two changes, so it is whole even when poisoned.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session in the cookies of a request.
fn session(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers.get_all(COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then(|| Secret::of(value.as_bytes()))
    })
}

fn demand_length(name: &str, secret: &str) -> Result<(), Failure> {
    match secret.len() >= SECRET_LENGTH {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "{name} is too short to be safe: it has {} characters, and needs {SECRET_LENGTH}",
            secret.len()
        ))
        .advise("`openssl rand -hex 16` writes a good one")),
    }
}

/// Reads lines of `USER:PASSWORD`. Empty ones and those that begin with `#` are left out.
fn read_passwords(file: &Path) -> Result<Vec<Secret>, Failure> {
    let place = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::new(
            Reason::Settings,
            format!("the file of `--basic-auth`, {place}, cannot be read: {error}"),
        )
    })?;
    let mut known = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((user, password)) = line.split_once(':').filter(|(user, _)| !user.is_empty())
        else {
            // The line may be a password, which must not be told.
            return Err(Failure::new(
                Reason::Settings,
                format!("{place}, line {number}: expected USER:PASSWORD"),
            ));
        };
        demand_length(
            &format!("{place}, line {number}: the password of `{user}`"),
            password,
        )?;
        // Bytes are base64 in this form, between quotes.
        let encoded = text::write(&Value::from(Bytes::from(line.to_owned())));
        let header = format!("Basic {}", encoded.trim_matches('"'));
        known.push(Secret::of(header.as_bytes()));
    }
    match known.is_empty() {
        true => Err(Failure::new(
            Reason::Settings,
            format!("{place} has no user: write a line USER:PASSWORD for each"),
        )),
        false => Ok(known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_token_or_the_cookie_that_it_gets_admits_and_nothing_else_does() {
        let login = Login::new(Some(TOKEN), None).unwrap();
        assert!(!login.admits(&HeaderMap::new()));
        assert!(login.admits(&headers(AUTHORIZATION, &format!("Bearer {TOKEN}"))));
        assert!(!login.admits(&headers(AUTHORIZATION, "Bearer 0123456789abcdeg")));
        assert!(login.begin("0123456789abcdeg", &HeaderMap::new()).is_none());
        let cookie = login.begin(TOKEN, &HeaderMap::new()).unwrap();
        assert!(
            !cookie.contains(TOKEN) && !cookie.contains("Secure"),
            "{cookie}"
        );
        let over_tls = headers(ORIGIN, "https://fleet.example");
        assert!(login.begin(TOKEN, &over_tls).unwrap().ends_with("; Secure"));
        let pair = cookie.split(';').next().unwrap();
        let sent = headers(COOKIE, &format!("a=b; {pair}"));
        assert!(login.admits(&sent));
        login.end(&sent);
        assert!(!login.admits(&sent));
    }

    #[test]
    fn sessions_are_bounded_and_the_oldest_ends_first() {
        let login = Login::new(Some(TOKEN), None).unwrap();
        let cookies: Vec<String> = (0..=MAX_SESSIONS)
            .map(|_| login.begin(TOKEN, &HeaderMap::new()).unwrap())
            .collect();
        let admits = |cookie: &str| {
            let pair = cookie.split(';').next().unwrap();
            login.admits(&headers(COOKIE, pair))
        };
        assert!(!admits(&cookies[0]));
        assert!(admits(&cookies[1]) && admits(&cookies[MAX_SESSIONS]));
    }

    #[test]
    fn short_secrets_are_refused_and_not_told() {
        let failure = format!("{:?}", Login::new(Some("hunter2"), None).unwrap_err());
        assert!(
            failure.contains("too short") && !failure.contains("hunter2"),
            "{failure}"
        );
    }
}
