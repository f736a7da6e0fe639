//! The path of a key, as people write it: `server.transport.redis.hosts[0]`.

use std::fmt;

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

    /// The variable of the environment that sets it.
    pub(super) fn variable(&self) -> String {
        let mut name = super::variables::PREFIX.trim_end_matches('_').to_owned();
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

/// Whether a key needs no quotes.
fn is_bare(key: &str) -> bool {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-<>".contains(&byte);
    !key.is_empty() && key.bytes().all(is_bare)
}

/// Reads a path of keys with dots between them; a key with a dot in it stands in double quotes.
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
    fn a_path_is_read_as_it_is_written() {
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
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "\"a", "\"a\"b", "\"\""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
