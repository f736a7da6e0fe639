//! An error of a connection, or one that Redis answered with.

use std::borrow::Cow;
use std::{fmt, io};

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// The login was refused.
    Auth,
    /// The connection was ended on purpose, or its runtime ends.
    Canceled,
    /// Another node of the cluster is the right one, or the cluster is down.
    Cluster,
    /// The system: there is no connection, or it was cut.
    Io,
    /// The command does not fit what its key holds.
    InvalidArgument,
    /// The bytes are no answer.
    Protocol,
    /// Nothing came in time.
    Timeout,
    /// Any other error that Redis answered with.
    Unknown,
    /// Any other kind of error of the client library, by its name there.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "there is no library")
    )]
    OfLibrary(&'static str),
}

/// An error of a connection, or one that Redis answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Error {
    kind: ErrorKind,
    details: Cow<'static, str>,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, details: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            details: details.into(),
        }
    }

    pub(super) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns what happened; of an answer all of its text.
    pub(super) fn details(&self) -> &str {
        &self.details
    }
}

impl From<&io::Error> for Error {
    /// Describes an error of the system in its own words, without its number.
    fn from(error: &io::Error) -> Self {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        Self::new(ErrorKind::Io, text.to_owned())
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auth => "Authentication Error",
            Self::Canceled => "Canceled",
            Self::Cluster => "Cluster Error",
            Self::Io => "IO Error",
            Self::InvalidArgument => "Invalid Argument",
            Self::Protocol => "Protocol Error",
            Self::Timeout => "Timeout Error",
            Self::Unknown => "Unknown Error",
            Self::OfLibrary(name) => name,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.details)
    }
}
