//! What is wrong with settings: all of it at once, each with its place.

use std::fmt;

/// One mistake in settings.
///
/// Displayed as one line: where it was written (file and line, variable or flag), the key, what was expected, and for
/// a key that does not exist the nearest one that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: String,
    key: Option<String>,
    message: String,
}

impl Problem {
    /// A mistake that has no key: a file that cannot be read.
    pub(super) fn about(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            key: None,
            message: message.into(),
        }
    }

    pub(super) fn at(
        place: impl fmt::Display,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            place: place.to_string(),
            key: Some(key.into()),
            message: message.into(),
        }
    }

    /// The same mistake, whose key is one of the table at this path.
    pub(super) fn within(mut self, path: &super::path::Path) -> Self {
        let key = self.key.take().unwrap_or_default();
        let between = if key.is_empty() { "" } else { "." };
        self.key = Some(format!("{path}{between}{key}"));
        self
    }

    /// Where it was written: `settings.toml:7`, a variable, a flag.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The key that it is about, with dots: `server.concurrency`.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Settings that cannot be used, with everything that is wrong with them. One line each when displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

impl SettingsError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The mistakes, at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            write!(f, "{line}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
