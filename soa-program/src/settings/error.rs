//! Errors in settings: all of them at once, each with its place.

use std::fmt;

use super::path::Path;

/// One mistake in settings.
///
/// Displayed as one line: the place (file and line, variable or flag), the key, and what was expected. For a key that
/// does not exist, the line names the most similar key.
///
/// ```
/// use soa::settings::{NoSection, Settings};
///
/// let loader = Settings::<NoSection>::loader().set("server.concurency=8");
/// let error = loader.load().err().ok_or("no error")?;
/// let problem = &error.problems()[0];
/// assert_eq!(problem.place(), "--set");
/// assert_eq!(problem.key(), Some("server.concurency"));
/// assert_eq!(
///     problem.to_string(),
///     "--set: `server.concurency`: there is no such key; did you mean `server.concurrency`?"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: String,
    key: Option<String>,
    message: String,
}

impl Problem {
    /// A mistake without a key, such as an unreadable file.
    pub(super) fn about(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            key: None,
            message: message.into(),
        }
    }

    /// A mistake at a key.
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

    /// Puts the path of a table before the key.
    pub(super) fn within(mut self, path: &Path) -> Self {
        let key = self.key.take().unwrap_or_default();
        let between = if key.is_empty() { "" } else { "." };
        self.key = Some(format!("{path}{between}{key}"));
        self
    }

    /// The place of the mistake: `settings.toml:7`, a variable, or a flag.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The key of the mistake, dotted: `server.concurrency`. `None` if a file or variable as a whole is wrong.
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

/// The error of [`Loader::load`](super::Loader::load): all mistakes in the settings. Displayed with one line for each.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

impl SettingsError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The mistakes; at least one.
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

soa_runtime::internal::debug_as_text!(SettingsError);
