//! Foreign text as people see it, in logs and errors: on one line, and without secrets.

use std::borrow::Cow;

/// Returns a text on one line: what could begin another line, or steer a terminal, is a space.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
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
pub(crate) fn url(url: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
