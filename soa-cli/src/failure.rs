//! Failures: what went wrong, what to do about it, and the exit code.

use std::process::ExitCode;

use soa_program::settings::SettingsError;
use soa_runtime::{BuildError, ClientError, ErrorKind, TransportError, TransportErrorKind};

/// The reason for an exit code other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The command ran, and the result is bad: errors in an answer, a finding, an expectation that is not met.
    Bad,
    /// The command line or the body of a call is wrong; nothing was sent.
    Usage,
    /// The settings are wrong.
    Settings,
    /// Redis or the HTTP of a service cannot be reached, or refuses.
    Connection,
    /// Nobody answered in time.
    Unanswered,
    /// There are warnings, and no errors.
    Warnings,
}

impl Reason {
    fn code(self) -> u8 {
        match self {
            Self::Bad => 1,
            Self::Usage => 2,
            Self::Settings => 3,
            Self::Connection => 4,
            Self::Unanswered => 5,
            Self::Warnings => 6,
        }
    }
}

/// The rights that a login for this program needs.
const LOGIN: &str = "a login for this program needs: ~pysoa:* ~{pysoa:* +@read +@write +@scripting +@connection +scan +info; \
                     the guide on operating a fleet has the line for ACL SETUSER";

/// A failure of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    reason: Reason,
    /// Lines for people. Empty if the output has it already.
    message: String,
    advice: Vec<String>,
}

impl Failure {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            advice: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Reason::Usage, message)
    }

    /// A failure that the output has told already.
    pub(crate) fn told(reason: Reason) -> Self {
        Self::new(reason, "")
    }

    /// Adds a line that names what to do.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    /// Replaces the reason and the message, and keeps the advice.
    pub(crate) fn because(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.reason = reason;
        self.message = message.into();
        self
    }

    /// Names the step that failed.
    pub(crate) fn at(mut self, step: &str) -> Self {
        self.message = format!("step {step}: {}", self.message);
        self
    }

    /// A failure of Redis at this address.
    pub(crate) fn of_redis(error: &TransportError, address: &str) -> Self {
        let failure = Self::new(Reason::Connection, with_causes(error));
        match error.kind() {
            TransportErrorKind::Misconfigured => failure.advise(LOGIN),
            _ if failure.is_refusal() => failure.advise(LOGIN),
            _ => failure.advise(format!(
                "is Redis running at {address}? Name another one with `--redis HOST:PORT` or SOA_REDIS, or `--settings FILE` \
                 of a service"
            )),
        }
    }

    /// True if Redis refuses the login a command or a key, whatever made the call fail in the end.
    fn is_refusal(&self) -> bool {
        let told = ["NOPERM", "NOAUTH", "WRONGPASS"];
        told.iter().any(|code| self.message.contains(code))
    }

    /// Advice for a call that did not get to a service over the Redis at this address.
    pub(crate) fn advise_on_redis(self, address: &str) -> Self {
        match self.is_refusal() {
            true => self.advise(LOGIN),
            false => self.advise(format!(
                "is Redis running at {address}? If it refuses the login: {LOGIN}"
            )),
        }
    }

    /// The first line of the message.
    pub(crate) fn first_line(&self) -> String {
        self.message.lines().next().unwrap_or_default().to_owned()
    }

    /// The reason, the message and the advice, for an answer that is not printed.
    pub(crate) fn into_parts(self) -> (Reason, String, Vec<String>) {
        (self.reason, self.message, self.advice)
    }

    /// The lines for the standard error, and the exit code.
    pub(crate) fn told_with_code(&self) -> (String, ExitCode) {
        let mut lines = String::new();
        if !self.message.is_empty() {
            lines += &format!("error: {}\n", self.message);
        }
        for advice in &self.advice {
            lines += &format!("  {advice}\n");
        }
        (lines, ExitCode::from(self.reason.code()))
    }
}

/// The message of an error with its causes.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        // Many errors repeat their cause.
        if !text.contains(&told) {
            text += &format!("\n  caused by: {told}");
        }
        cause = error.source();
    }
    text
}

impl From<&ClientError> for Failure {
    fn from(error: &ClientError) -> Self {
        let reason = match error.kind() {
            ErrorKind::Timeout => Reason::Unanswered,
            ErrorKind::Transport => Reason::Connection,
            ErrorKind::Usage | ErrorKind::Encode | ErrorKind::VariantMismatch => Reason::Usage,
            _ => Reason::Bad,
        };
        Self::new(reason, with_causes(error))
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::new(Reason::Settings, with_causes(&error))
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(Reason::Settings, error.to_string())
    }
}
