//! Failures of a program: the message and the exit code.

use std::error::Error;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use rustix::process::Signal;
use soa_runtime::{BuildError, ClientError, StartupError, TransportError};

use crate::settings::SettingsError;
use crate::telemetry;

/// Any error of the function that makes a service.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Exit code for a handler that blocked its thread for too long.
///
/// Equal to [`Watchdog::EXIT_CODE`](soa_runtime::Watchdog::EXIT_CODE), with which the watchdog ends the process if the
/// handler goes on.
const BLOCKED_EXIT_CODE: u8 = 70;

/// Exit code for a server that stopped with jobs that have no answer.
pub(super) const JOBS_LOST_EXIT_CODE: u8 = 4;

/// The reason why a program fails.
pub(super) enum Failure {
    /// The command line is wrong, or asks for help.
    Arguments(clap::Error),
    /// The command line is wrong in a way that clap cannot know.
    Usage(BoxError),
    Settings(SettingsError),
    /// Any other error, with a text before its message.
    Other(Option<&'static str>, BoxError),
    /// `status` has errors, which it has printed.
    Unhealthy,
    /// A server stopped before all jobs were done.
    JobsLost,
    /// A server stopped because a handler had blocked its thread for too long.
    Blocked,
    /// A child process failed with this exit code, and has reported the reason.
    Child(u8),
}

impl Failure {
    pub(super) fn usage(error: impl Into<BoxError>) -> Self {
        Self::Usage(error.into())
    }

    pub(super) fn other(error: impl Into<BoxError>) -> Self {
        Self::Other(None, error.into())
    }

    /// An error of the function that makes the service.
    pub(super) fn of_service(error: BoxError) -> Self {
        Self::Other(Some("making the service failed: "), error)
    }

    /// An error of a function that makes a layer of `tracing`.
    pub(super) fn of_layer(error: BoxError) -> Self {
        Self::Other(Some("making a layer of `tracing` failed: "), error)
    }

    /// Converts the exit status of a child process.
    pub(super) fn of_child(status: ExitStatus) -> Result<(), Self> {
        // These signals end a process only before it handles them, and then it has not received any request.
        let signals = [Signal::TERM, Signal::HUP].map(|signal| Some(signal.as_raw()));
        if status.success() || signals.contains(&status.signal()) {
            return Ok(());
        }
        match status.code().map(u8::try_from) {
            Some(Ok(code)) => Err(Self::Child(code)),
            _ => Err(Self::other(format!("a child process exited: {status}"))),
        }
    }

    /// Writes the message to the standard error, and returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Arguments(error) => {
                // Help and version are not failures, and go to the standard output.
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
            Self::Other(prefix, error) => (with_causes(prefix.unwrap_or_default(), &*error), 1),
            Self::Unhealthy => return ExitCode::from(1),
            Self::JobsLost => return ExitCode::from(JOBS_LOST_EXIT_CODE),
            Self::Blocked => return ExitCode::from(BLOCKED_EXIT_CODE),
            Self::Child(code) => return ExitCode::from(code),
        };
        telemetry::write_last(&text);
        ExitCode::from(code)
    }
}

/// The message of an error, with a line for each of its causes.
fn with_causes(prefix: &str, error: &(dyn Error + 'static)) -> String {
    let mut text = format!("error: {prefix}{error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
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

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::other(error)
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
