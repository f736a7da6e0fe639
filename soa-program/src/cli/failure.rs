//! How a program fails: what is told, and the exit code.

use std::error::Error;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use rustix::process::Signal;

use super::BoxError;
use crate::settings::SettingsError;
use soa_runtime::{ClientError, StartupError, TransportError};

/// As [`Watchdog::EXIT_CODE`](crate::Watchdog::EXIT_CODE), which is the end when the handler does not let go.
const BLOCKED: u8 = 70;

/// A server stopped, and jobs have no answer.
pub(super) const JOBS_LOST: u8 = 4;

/// Why a program ends without having done what it was asked for.
pub(super) enum Failure {
    /// The command line is wrong, or asks for help.
    Arguments(clap::Error),
    /// The command line is wrong in a way that only its reader can tell.
    Usage(BoxError),
    Settings(SettingsError),
    /// It was tried and failed.
    Other(Option<&'static str>, BoxError),
    /// It is told already.
    Unhealthy,
    /// A server stopped before all jobs were done.
    JobsLost,
    /// A server stopped because a handler had blocked its thread for too long.
    Blocked,
    /// Another process of this program has failed so, and told it.
    Passed(u8),
}

impl Failure {
    pub(super) fn usage(error: impl Into<BoxError>) -> Self {
        Self::Usage(error.into())
    }

    pub(super) fn other(error: impl Into<BoxError>) -> Self {
        Self::Other(None, error.into())
    }

    pub(super) fn making(error: BoxError) -> Self {
        Self::Other(Some("the service cannot be made: "), error)
    }

    /// What it means how another process of this program has ended.
    pub(super) fn of(status: ExitStatus) -> Result<(), Self> {
        // A signal ends a process by itself only before that listens for it, when it has taken nothing.
        let signals = [Signal::TERM, Signal::HUP].map(|signal| Some(signal.as_raw()));
        if status.success() || signals.contains(&status.signal()) {
            return Ok(());
        }
        match status.code().map(u8::try_from) {
            Some(Ok(code)) => Err(Self::Passed(code)),
            _ => Err(Self::other(format!("a process ended: {status}"))),
        }
    }

    /// Tells it, and gives the exit code.
    pub(super) fn tell(self) -> ExitCode {
        let (text, code) = match self {
            Self::Arguments(error) => {
                // Help and versions are no failures, and go to the standard output.
                let code = if error.use_stderr() { 2 } else { 0 };
                let _ = error.print();
                return ExitCode::from(code);
            }
            Self::Usage(error) => (with_causes("", &*error), 2),
            Self::Settings(error) => {
                let problems = error.problems().iter();
                let lines = problems.map(|problem| format!("error: {problem}\n"));
                (lines.collect(), 3)
            }
            Self::Other(what, error) => (with_causes(what.unwrap_or_default(), &*error), 1),
            Self::Unhealthy => return ExitCode::from(1),
            Self::JobsLost => return ExitCode::from(JOBS_LOST),
            Self::Blocked => return ExitCode::from(BLOCKED),
            Self::Passed(code) => return ExitCode::from(code),
        };
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        ExitCode::from(code)
    }
}

fn with_causes(what: &str, error: &(dyn Error + 'static)) -> String {
    let mut text = format!("error: {what}{error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  caused by: {error}");
        cause = error.source();
    }
    text
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(error)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::other(error)
    }
}

impl From<StartupError> for Failure {
    fn from(error: StartupError) -> Self {
        Self::other(error)
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::other(error)
    }
}
