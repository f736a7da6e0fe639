//! The commands that make the same call: `soa call`, and curl against this dashboard.

use soa_runtime::codec::Value;

use super::asked::{Asked, TIMEOUT, exact};
use super::shared::Dashboard;

/// The line of `soa call` that makes the same call.
pub(super) fn soa_call(dashboard: &Dashboard, asked: &Asked) -> String {
    let mut line = "soa".to_owned();
    for (flag, value) in &dashboard.target_flags {
        line += &format!(" {flag} {}", quoted(value));
    }
    line += " call";
    for switch in &asked.switches {
        line += &flagged("--switch", &switch.to_string());
    }
    for (key, value) in asked.context.iter() {
        let key = key.as_str().unwrap_or_default();
        let (flag, value) = match value {
            // A text that looks like JSON would be read as JSON.
            Value::Text(text) => ("--context-text", text.to_string()),
            value => ("--context", exact(value)),
        };
        line += &flagged(flag, &format!("{key}={value}"));
    }
    if asked.timeout != TIMEOUT {
        line += &format!(" --timeout {}ms", asked.timeout.as_millis());
    }
    let target = format!("{}.{}", asked.service, asked.action);
    // Whoever names a service may name it like a flag.
    let end_of_flags = if target.starts_with('-') { " --" } else { "" };
    line += &format!("{end_of_flags} {}", quoted(&target));
    line += &format!(" {}", quoted(&exact(&asked.body)));
    line
}

/// A flag with its value. One that begins like a flag is bound to it, since it would be taken for another.
fn flagged(flag: &str, value: &str) -> String {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!(" {flag}{between}{}", quoted(value))
}

/// The line of curl that makes the same call, at the address under which the page was opened.
pub(super) fn curl(dashboard: &Dashboard, asked: &Asked, host: &str) -> String {
    let mut line = "curl -sS".to_owned();
    line += match dashboard.login.word() {
        "token" => " -H \"Authorization: Bearer $SOA_DASHBOARD_TOKEN\"",
        "basic" => " -u USER:PASSWORD",
        _ => "",
    };
    line += " -H 'Content-Type: application/json' -H 'X-Soa-Dashboard: 1'";
    let url = format!("http://{host}/api/call");
    line + &format!(" -d {} {}", quoted(&asked.as_json()), quoted(&url))
}

/// A text as one word of a shell. Control characters are escaped, since a terminal would obey them when the line is pasted.
fn quoted(text: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:@=,+".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.chars().any(is_hidden) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut out = "$'".to_owned();
    for character in text.chars() {
        match character {
            '\\' | '\'' => out.extend(['\\', character]),
            '\n' => out += "\\n",
            hidden if is_hidden(hidden) => {
                let mut bytes = [0; 4];
                for byte in hidden.encode_utf8(&mut bytes).bytes() {
                    out += &format!("\\x{byte:02x}");
                }
            }
            character => out.push(character),
        }
    }
    out + "'"
}

/// True for characters that are not seen, or that change what is seen around them.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_begins_like_a_flag_is_bound_to_its_flag() {
        assert_eq!(flagged("--switch", "5"), " --switch 5");
        assert_eq!(flagged("--switch", "-5"), " --switch=-5");
        assert_eq!(
            flagged("--context", "--help=a b"),
            " --context='--help=a b'"
        );
    }

    #[test]
    fn a_word_stays_one_word_whatever_is_in_it() {
        for (text, word) in [
            ("books.find", "books.find"),
            ("", "''"),
            (r#"{"a": 1}"#, r#"'{"a": 1}'"#),
            ("it's $(x) `y`", r"'it'\''s $(x) `y`'"),
            ("a\u{1b}[2J'\\\n", r"$'a\x1b[2J\'\\\n'"),
            ("a\u{202e}b", r"$'a\xe2\x80\xaeb'"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}
