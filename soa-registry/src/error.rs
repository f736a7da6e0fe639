//! The failure of a registry.

use std::error::Error;
use std::fmt;

use soa_wire::redact;

/// A failure between this process and a registry.
///
/// ```
/// use soa_registry::RegistryError;
///
/// let error = RegistryError::new("the agent at 127.0.0.1:8500 answered 500");
/// assert_eq!(error.to_string(), "the agent at 127.0.0.1:8500 answered 500");
/// ```
pub struct RegistryError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl RegistryError {
    /// Creates an error with a message for people.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Sets the cause of the error.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the message with all causes on one line, for logs.
    pub(crate) fn told(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            let told = error.to_string();
            // Errors that show their causes themselves are told once.
            if !text.contains(&told) {
                text.push_str(": ");
                text.push_str(&told);
            }
            cause = error.source();
        }
        redact::one_line(&text).into_owned()
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
