//! Redaction: secrets are kept out of logs.
//!
//! A [`Redaction`] is a set of names. It writes values as text of a limited length, with a mark in place of the values
//! under these names, at any depth. Names are compared by their words, without case: `card_number` hides `cardNumber`,
//! `CARD-NUMBER` and `old_card_number`, but not `card_number_length`.
//!
//! [`Redaction::standard`] has the usual names of secrets. Add names of your service with [`Redaction::with`]. A secret
//! within a text is not found. The key of the token that the middleware `Authentication` reads is always hidden.
//!
//! The middleware `Logging` and the `Debug` of contexts, control headers and errors use it. The `Debug` of a body has no
//! content at all.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use crate::cause;
use crate::codec::{Map, Value};

/// The mark in place of a secret.
const SECRET_MARK: &str = "\"**********\"";

/// The mark in place of a value or text that is too deep or too long.
const CUT_MARK: &str = "…";

/// The greatest depth of values that are written.
const MAX_DEPTH: usize = 32;

/// The number of characters of a key that are compared.
const MAX_KEY_LENGTH: usize = 256;

/// The greatest length of a name or an id in logs. Peers may send longer ones.
pub(crate) const MAX_NAME_LENGTH: usize = 256;

/// The greatest length of the `Debug` of a header.
const MAX_DEBUG_LENGTH: usize = 2048;

/// Parts of a key that hide it anywhere: `userpassword`, `password_hash`.
const KEY_PARTS: [&str; 12] = [
    "accesskey",
    "apikey",
    "cardnumber",
    "credential",
    "creditcard",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "securitycode",
    "signingkey",
];

/// Endings of a key that hide it: `token`, `reset_token`. In the singular, without separators.
const KEY_ENDINGS: [&str; 52] = [
    "accountnumber",
    "auth",
    "authentication",
    "authorization",
    "bankaccount",
    "bearer",
    "cardid",
    "cardidentification",
    "cardidentificationcode",
    "cardidentificationvalue",
    "cardsecurity",
    "cardsecurityvalue",
    "cardvalidation",
    "cardvalidationcode",
    "cardvalidationvalue",
    "cardverification",
    "cardverificationcode",
    "cardverificationvalue",
    "ccn",
    "ccnumber",
    "cid",
    "connectionstring",
    "cookie",
    "csc",
    "csn",
    "cvc",
    "cvc2",
    "cvd",
    "cve",
    "cvn2",
    "cvv",
    "cvv2",
    "iban",
    "icvv",
    "jwt",
    "nationalid",
    "oauth",
    "otp",
    "pass",
    "passcode",
    "passportnumber",
    "personalidentificationnumber",
    "personalidnumber",
    "pin",
    "pincode",
    "pinnumber",
    "private",
    "pwd",
    "sessionid",
    "socialsecuritynumber",
    "ssn",
    "token",
];

/// The names whose values are hidden. Clones are cheap.
///
/// ```
/// # use soa_wire as soa;
/// use soa::redact::Redaction;
/// use soa::value;
///
/// let redaction = Redaction::standard().with(["medical_record"]).without(["pin"]);
/// let body = value!({ "user": "ada", "newPassword": "x", "pin": 7, "medicalRecords": [{ "n": 1 }] });
/// assert_eq!(
///     redaction.text(&body, 1000),
///     r#"{"user": "ada", "newPassword": "**********", "pin": 7, "medicalRecords": "**********"}"#,
/// );
/// ```
#[derive(Clone)]
pub struct Redaction(Arc<Names>);

#[derive(Clone)]
struct Names {
    anywhere: BTreeSet<String>,
    at_the_end: BTreeSet<String>,
}

/// The keys of this program's authentication tokens, which every redaction hides.
static TOKEN_KEYS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Hides the value under this key in all redactions of the process, from now on.
#[doc(hidden)]
pub fn hide_token(key: &str) {
    let text = Key::of(key).text;
    // Nothing panics while it is locked.
    let mut tokens = TOKEN_KEYS.write().unwrap_or_else(PoisonError::into_inner);
    tokens.insert(text);
}

/// Returns true if this key holds an authentication token in this process: `token`, or a key that was hidden by
/// [`hide_token`].
#[doc(hidden)]
pub fn is_token(key: &str) -> bool {
    let text = Key::of(key).text;
    text == "token"
        || TOKEN_KEYS
            .read()
            .is_ok_and(|tokens| tokens.contains(text.as_str()))
}

static STANDARD: LazyLock<Redaction> = LazyLock::new(|| {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Redaction(Arc::new(Names {
        anywhere: owned(&KEY_PARTS),
        at_the_end: owned(&KEY_ENDINGS),
    }))
});

impl Redaction {
    /// Returns the usual names of passwords, tokens, keys, cards, accounts and similar secrets.
    pub fn standard() -> Self {
        STANDARD.clone()
    }

    /// Adds names to hide, also in the plural and after other words. The spelling does not matter: `medical_record` and
    /// `medicalRecord` are the same.
    #[must_use]
    pub fn with<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let own = Arc::make_mut(&mut self.0);
        for name in names {
            let name = Key::of(name.as_ref()).text;
            if !name.is_empty() {
                own.at_the_end.insert(name);
            }
        }
        self
    }

    /// Removes names, whose values are then shown, also after other words: without `password`, `new_password` is shown,
    /// too.
    #[must_use]
    pub fn without<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let own = Arc::make_mut(&mut self.0);
        for name in names {
            let name = Key::of(name.as_ref()).text;
            own.anywhere.remove(&name);
            own.at_the_end.remove(&name);
        }
        self
    }

    /// Returns true if the value under this key is hidden.
    pub fn hides(&self, key: &str) -> bool {
        let Key { text, words } = Key::of(key);
        let names = &self.0;
        if TOKEN_KEYS
            .read()
            .is_ok_and(|tokens| tokens.contains(text.as_str()))
        {
            return true;
        }
        if names.anywhere.iter().any(|name| text.contains(name)) {
            return true;
        }
        words.iter().any(|start| {
            let tail = text.get(*start..).unwrap_or_default();
            let is_name = |name: Option<&str>| name.is_some_and(|n| names.at_the_end.contains(n));
            is_name(Some(tail)) || is_name(tail.strip_suffix('s'))
        })
    }

    /// Writes a value as text of about `length` bytes at most. A text that is cut off ends with `…`.
    pub fn text(&self, value: &Value, length: usize) -> String {
        let mut writer = self.writer(length);
        // It fails when the text is full, which the mark at its end shows.
        let _ = writer.value(value, 0);
        writer.finish()
    }

    /// Writes a map as text, as [`text`](Self::text) does.
    pub fn map_text(&self, map: &Map, length: usize) -> String {
        let mut writer = self.writer(length);
        let _ = writer.map(map, 0);
        writer.finish()
    }

    pub(crate) fn writer(&self, length: usize) -> Writer<'_> {
        Writer {
            redaction: self,
            out: String::new(),
            left: length,
        }
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.anywhere.len() + self.0.at_the_end.len();
        write!(f, "Redaction({count} names)")
    }
}

/// A key in lowercase letters and digits, and the offsets at which its words begin.
struct Key {
    text: String,
    words: Vec<usize>,
}

impl Key {
    fn of(key: &str) -> Self {
        let (mut text, mut words) = (String::new(), Vec::new());
        let mut before = ' ';
        let mut letters = key.chars().take(MAX_KEY_LENGTH).peekable();
        while let Some(letter) = letters.next() {
            if letter.is_alphanumeric() {
                // A word begins at the `N` of `cardNumber`, and at the `K` of `APIKey`.
                let rises = letter.is_uppercase()
                    && (!before.is_uppercase()
                        || letters.peek().is_some_and(|next| next.is_lowercase()));
                if !before.is_alphanumeric() || rises {
                    words.push(text.len());
                }
                text.extend(letter.to_lowercase());
            }
            before = letter;
        }
        Self { text, words }
    }
}

/// A writer of limited length, which fails when it is full.
pub(crate) struct Writer<'a> {
    redaction: &'a Redaction,
    out: String,
    left: usize,
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(left) = self.left.checked_sub(text.len()) {
            self.left = left;
            self.out.push_str(text);
            return Ok(());
        }
        let end = text.floor_char_boundary(self.left);
        self.out.push_str(text.get(..end).unwrap_or_default());
        self.out.push_str(CUT_MARK);
        self.left = 0;
        Err(fmt::Error)
    }
}

impl Writer<'_> {
    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn value(&mut self, value: &Value, depth: usize) -> fmt::Result {
        match value {
            Value::List(_) | Value::Map(_) if depth >= MAX_DEPTH => self.write_str(CUT_MARK),
            Value::List(values) => {
                self.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        self.write_str(", ")?;
                    }
                    self.value(value, depth + 1)?;
                }
                self.write_char(']')
            }
            Value::Map(map) => self.map(map, depth),
            Value::Bytes(bytes) => write!(self, "<{} bytes>", bytes.len()),
            value => write!(self, "{value:?}"),
        }
    }

    pub(crate) fn map(&mut self, map: &Map, depth: usize) -> fmt::Result {
        self.write_char('{')?;
        for (index, (key, value)) in map.iter().enumerate() {
            if index > 0 {
                self.write_str(", ")?;
            }
            self.value(key, depth + 1)?;
            self.write_str(": ")?;
            let is_secret = !matches!(value, Value::Nil | Value::Bool(_));
            match key.as_str() {
                Some(key) if is_secret && self.redaction.hides(key) => {
                    self.write_str(SECRET_MARK)?;
                }
                _ => self.value(value, depth + 1)?,
            }
        }
        self.write_char('}')
    }
}

/// Cuts a text to about `length` bytes. A text that is cut off ends with `…`.
#[doc(hidden)]
pub fn cut(text: &str, length: usize) -> Cow<'_, str> {
    if text.len() <= length {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(length);
    let mut shown = text.get(..end).unwrap_or_default().to_owned();
    shown.push_str(CUT_MARK);
    Cow::Owned(shown)
}

/// Writes an error and its causes, outermost first, in about `length` bytes at most.
#[doc(hidden)]
pub fn chain(error: &(dyn Error + 'static), length: usize) -> String {
    let mut text = String::new();
    for error in cause::chain(error) {
        if text.len() > length {
            break;
        }
        let between = if text.is_empty() { "" } else { ": " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{between}{error}");
    }
    cut(&text, length).into_owned()
}

/// Cuts a name or an id to the length that spans and log lines show.
#[doc(hidden)]
pub fn name(text: &str) -> Cow<'_, str> {
    cut(text, MAX_NAME_LENGTH)
}

/// Returns a text on one line: what could begin another line, or steer a terminal, is a space.
#[doc(hidden)]
pub fn one_line(text: &str) -> Cow<'_, str> {
    match text.contains(steers) {
        true => Cow::Owned(text.replace(steers, " ")),
        false => Cow::Borrowed(text),
    }
}

/// Returns true for control characters, for the two that end lines and paragraphs, and for those that turn the direction of
/// text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}')
}

/// Returns a URL on one line, without the login and the query that it may have. It need not be a good one: a login is what
/// stands before the last `@` of the host's place, with a scheme or without.
#[doc(hidden)]
pub fn url(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => host,
        None => authority,
    };
    let (path, cut) = match rest.find(['?', '#']) {
        Some(end) => (rest.get(..end).unwrap_or_default(), "?…"),
        None => (rest, ""),
    };
    one_line(&format!("{scheme}{host}{path}{cut}")).into_owned()
}

/// The `Debug` of a map that may hold secrets.
pub(crate) struct Redacted<'a>(pub(crate) &'a Map);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.map_text(self.0, MAX_DEBUG_LENGTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn what_could_forge_a_line_is_a_space() {
        let forged = "a\nWARN b\r\u{1b}[2Jc\u{85}d\u{2028}e\u{202e}f";
        assert_eq!(one_line(forged), "a WARN b  [2Jc d e f");
        assert_eq!(one_line("größer als 1 €"), "größer als 1 €");
    }

    #[test]
    fn a_url_is_shown_without_login_and_query() {
        for (whole, shown) in [
            ("http://a:1/x", "http://a:1/x"),
            ("http://me:pass@a:1/x@y", "http://a:1/x@y"),
            ("http://me:p@ss@a:1", "http://a:1"),
            ("me:pass@a:1", "a:1"),
            ("http://a:1?token=pass", "http://a:1?…"),
            ("http://a:1/x?token=p@ss#y", "http://a:1/x?…"),
            ("http://me@a#pass", "http://a?…"),
            ("", ""),
        ] {
            assert_eq!(url(whole), shown);
        }
    }

    #[test]
    fn secrets_are_found_however_they_are_written() {
        let standard = Redaction::standard();
        for key in [
            "password",
            "Password",
            "PASSWORDS",
            "new_password",
            "passwordConfirmation",
            "db-password",
            "userpassword",
            "pass_phrase",
            "token",
            "accessToken",
            "access-tokens",
            "X-API-Key",
            "APIKey",
            "client_secret",
            "Authorization",
            "auth",
            "authToken",
            "credit_card",
            "creditCardNumber",
            "card-security-code",
            "cardVerificationValues",
            "CVV",
            "cvc2",
            "pin",
            "pinCode",
            "Set-Cookie",
            "iban",
            "socialSecurityNumber",
            "private_key",
            "jwt",
        ] {
            assert!(standard.hides(key), "{key}");
        }
        for key in [
            "name",
            "author",
            "authority",
            "passed",
            "passenger",
            "token_count",
            "shipping",
            "pinned",
            "spin",
            "cards",
            "number",
            "accident",
            "",
            "_",
        ] {
            assert!(!standard.hides(key), "{key}");
        }
    }

    #[test]
    fn the_names_are_written_as_keys_are_compared() {
        for name in KEY_PARTS.iter().chain(&KEY_ENDINGS) {
            assert_eq!(Key::of(name).text, *name);
            assert!(Redaction::standard().hides(name));
        }
    }

    #[test]
    fn secrets_are_hidden_at_any_depth_whatever_they_are() {
        let body = value!({
            "list": [{ "token": 7 }, { "token": (Value::Nil) }, { "token": true }],
            "password": { "old": "a", "new": ["b"] },
            "file": (bytes::Bytes::from_static(b"abc")),
        });
        assert_eq!(
            Redaction::standard().text(&body, 1000),
            r#"{"list": [{"token": "**********"}, {"token": nil}, {"token": true}], "password": "**********", "file": <3 bytes>}"#,
        );
    }

    #[test]
    fn a_hostile_value_costs_no_more_than_the_text() {
        let mut nest = Value::from("x");
        for _ in 0..10_000 {
            nest = Value::List(vec![nest]);
        }
        let text = Redaction::standard().text(&nest, 1000);
        assert_eq!(text, format!("{}…{}", "[".repeat(32), "]".repeat(32)));
        // Dropping it is recursive.
        while let Value::List(mut inner) = nest {
            nest = inner.pop().unwrap_or_default();
        }
        let long = Value::List(vec![Value::from("é".repeat(100)); 1_000]);
        let text = Redaction::standard().text(&long, 151);
        assert!(
            text.len() <= 151 + CUT_MARK.len() && text.ends_with('…'),
            "{text}"
        );
    }

    #[test]
    fn a_name_without_which_a_service_lives_is_taken_away() {
        let redaction = Redaction::standard().without(["token"]).with(["OrderId"]);
        assert!(!redaction.hides("page_token"));
        assert!(redaction.hides("last_order_ids"));
    }
}
