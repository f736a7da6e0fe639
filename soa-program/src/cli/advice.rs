//! Advice about the name of an action that does not exist.

use std::error::Error;
use std::fmt;

use soa_runtime::ClientError;
use soa_runtime::message::code;

use crate::settings::{listed, nearest};

/// The error of a call with the name of an action that does not exist, and the names that do.
#[derive(Debug)]
pub(super) struct UnknownAction {
    error: ClientError,
    given: String,
    names: Vec<String>,
}

impl UnknownAction {
    /// Adds the names to an error.
    pub(super) fn new(error: ClientError, given: &str, mut names: Vec<String>) -> Self {
        names.sort();
        Self {
            error,
            given: given.to_owned(),
            names,
        }
    }
}

/// Returns true if the service has answered that it has no such action.
pub(super) fn is_unknown_action(error: &ClientError) -> bool {
    let mut errors = error.errors().iter();
    errors.any(|error| error.code == code::UNKNOWN && error.field.as_deref() == Some("action"))
}

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let names = || self.names.iter().map(String::as_str);
        if let Some(near) = nearest(&self.given, names()) {
            write!(f, "\n  did you mean `{near}`?")?;
        }
        write!(f, "\n  the actions are {}", listed(names(), "and"))
    }
}

impl Error for UnknownAction {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
