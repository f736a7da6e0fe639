//! Paths of keys: `server.transport.redis.hosts[0]`, and the variable `SOA__SERVER__TRANSPORT__REDIS__HOSTS__0` for it.

use std::fmt;

/// Prefix of the variables of the environment that set keys.
pub(super) const VARIABLE_PREFIX: &str = "SOA__";

/// A path through tables and lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    pub(super) fn root() -> Self {
        Self::default()
    }

    fn with(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.0.push(step);
        path
    }

    pub(super) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// Returns the name of the variable of the environment that sets this key.
    pub(super) fn variable(&self) -> String {
        let mut name = VARIABLE_PREFIX.trim_end_matches('_').to_owned();
        for step in &self.0 {
            name.push_str("__");
            match step {
                Step::Key(key) => name.push_str(&key.to_uppercase().replace('-', "_")),
                Step::Index(index) => name.push_str(&index.to_string()),
            }
        }
        name
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if place == 0 { "" } else { "." };
                    if is_bare(key) {
                        write!(f, "{dot}{key}")?;
                    } else {
                        write!(f, "{dot}{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Returns true if a key can be written without quotes.
fn is_bare(key: &str) -> bool {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-<>".contains(&byte);
    !key.is_empty() && key.bytes().all(is_bare)
}

/// Parses keys with dots between them. A key that contains a dot is in double quotes.
pub(super) fn parse(text: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if key.is_empty() {
            return None;
        }
        keys.push(key.to_owned());
        if after.is_empty() {
            return Some(keys);
        }
        rest = after.strip_prefix('.')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_parsed_as_it_is_displayed() {
        for text in ["a", "a.b-c.d", "client_routing.\"a.b\".timeout"] {
            let keys = parse(text).unwrap();
            let path = keys.iter().fold(Path::root(), |path, key| path.key(key));
            assert_eq!(path.to_string(), text);
        }
        assert_eq!(
            Path::root().key("a").index(3).key("b").to_string(),
            "a[3].b"
        );
    }

    #[test]
    fn text_that_is_not_a_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "\"a", "\"a\"b", "\"\""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
