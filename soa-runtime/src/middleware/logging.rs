//! One log record for each job, with its request and its response.
//!
//! On a server it is job middleware and sees every job that can be read; on a client it is client middleware and sees
//! every call. The record is written when the outcome is known, at one of two levels: for jobs that succeed, and for
//! those with errors. It has the correlation id, the actions with their error codes, the time, and, shortened and
//! without secrets ([`Redaction`]), the context, the bodies and the errors. A job that is given up, at its deadline or
//! because its caller is gone, has a record too, with the outcome `given up`.
//!
//! If no subscriber wants records of either level, nothing is decoded, kept or written. Bodies are decoded for the
//! record alone.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Level, enabled, event};

use crate::error::{ClientError, JobError};
use crate::exchange::{ClientRequest, ClientStage, JobStage};
use crate::log_level::LogLevel;
use crate::message::{Body, JobRequest, JobResponse, Name, WireError};
use crate::redact::{self, Redaction};
use crate::stack::{Middleware, Next};

/// The maximum size of a body that is decoded, as a multiple of its share of the record.
const MAX_DECODED_FACTOR: usize = 16;

/// Job and client middleware that logs requests and responses. Records have the target `soa::jobs`.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::Logging;
/// use soa::redact::Redaction;
/// use soa::{LogLevel, Server};
///
/// let logging = Logging::new()
///     .levels(LogLevel::Debug, LogLevel::Warn)
///     .redaction(Redaction::standard().with(["medical_record"]));
/// let server = Server::untyped("tools", "1.0.0").job_middleware(logging).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Logging {
    #[doc(hidden)]
    pub success: LogLevel,
    #[doc(hidden)]
    pub error: LogLevel,
    #[doc(hidden)]
    pub bodies: bool,
    #[doc(hidden)]
    pub length: usize,
    redaction: Redaction,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            success: LogLevel::Info,
            error: LogLevel::Info,
            bodies: true,
            length: 2048,
            redaction: Redaction::standard(),
        }
    }
}

impl Logging {
    /// Returns middleware with everything at its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the levels of jobs that succeed, and of those with errors; `Info` for both by default, as in PySOA.
    #[must_use]
    pub fn levels(mut self, success: LogLevel, error: LogLevel) -> Self {
        (self.success, self.error) = (success, error);
        self
    }

    /// Turns logging of context and bodies on or off; on by default.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::middleware::Logging;
    ///
    /// let names_only = Logging::new().bodies(false);
    /// ```
    #[must_use]
    pub fn bodies(mut self, bodies: bool) -> Self {
        self.bodies = bodies;
        self
    }

    /// Limits the bytes of a record for the actions, the context, the request and the response, each, roughly; 2,048 by
    /// default. A body of more than 16 times that is not decoded: its size is logged.
    #[must_use]
    pub fn length(mut self, bytes: usize) -> Self {
        self.length = bytes;
        self
    }

    /// Sets the redaction of secrets; [`Redaction::standard`] by default.
    #[must_use]
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    fn is_needed(&self) -> bool {
        is_enabled(self.success) || is_enabled(self.error)
    }

    fn write(&self, job: &JobRequest, answer: &Answer<'_>, place: &Place, took: Duration) {
        let level = if answer.has_failed() {
            self.error
        } else {
            self.success
        };
        if !is_enabled(level) {
            return;
        }
        let outcome = answer.outcome();
        let actions = &*answer.actions(job, self.length);
        let correlation_id = &*redact::name(&job.context.correlation_id);
        let [context, request, response] = if self.bodies {
            [
                self.redaction.map_text(&job.context.extra, self.length),
                self.bodies_text(job.actions.iter().map(|one| (&*one.action, &one.body))),
                self.answer_text(answer),
            ]
        } else {
            Default::default()
        };
        macro_rules! record {
            ($level:ident) => {
                if self.bodies {
                    event!(target: "soa::jobs", Level::$level, service = place.service.as_deref(), correlation_id,
                        actions, outcome, ?took, context, request, response, "{}", place.what)
                } else {
                    event!(target: "soa::jobs", Level::$level, service = place.service.as_deref(), correlation_id,
                        actions, outcome, ?took, "{}", place.what)
                }
            };
        }
        match level {
            LogLevel::Off => {}
            LogLevel::Error => record!(ERROR),
            LogLevel::Warn => record!(WARN),
            LogLevel::Info => record!(INFO),
            LogLevel::Debug => record!(DEBUG),
            LogLevel::Trace => record!(TRACE),
        }
    }

    fn answer_text(&self, answer: &Answer<'_>) -> String {
        match answer {
            Answer::Refused(errors) => self.redaction.errors_text(errors, self.length),
            Answer::Failed(error) => redact::chain(*error, self.length),
            Answer::GivenUp(after) => format!("given up after {after:?}"),
            Answer::Given(response) if !response.errors.is_empty() => {
                self.redaction.errors_text(&response.errors, self.length)
            }
            Answer::Given(response) => {
                let mut text = String::new();
                for action in &response.actions {
                    let left = self.length.saturating_sub(text.len());
                    if left == 0 {
                        break;
                    }
                    if !text.is_empty() {
                        text.push_str("; ");
                    }
                    let one = if action.errors.is_empty() {
                        self.body_text(&action.body, left)
                    } else {
                        self.redaction.errors_text(&action.errors, left)
                    };
                    let action = redact::cut(&action.action, left);
                    // Writing to a text cannot fail.
                    let _ = write!(text, "{action} {one}");
                }
                text
            }
        }
    }

    fn bodies_text<'a>(&self, bodies: impl Iterator<Item = (&'a str, &'a Body)>) -> String {
        let mut text = String::new();
        for (action, body) in bodies {
            let left = self.length.saturating_sub(text.len());
            if left == 0 {
                break;
            }
            let between = if text.is_empty() { "" } else { "; " };
            let body = self.body_text(body, left);
            let action = redact::cut(action, left);
            // Writing to a text cannot fail.
            let _ = write!(text, "{between}{action} {body}");
        }
        text
    }

    fn body_text(&self, body: &Body, length: usize) -> String {
        let size = body.bytes().map_or(0, |bytes| bytes.len());
        if size > self.length.saturating_mul(MAX_DECODED_FACTOR) {
            return format!("<{size} bytes>");
        }
        match body.to_value() {
            Ok(value) => self.redaction.text(&value, length),
            Err(_) => format!("<{size} bytes that cannot be read>"),
        }
    }
}

/// The place of the middleware: server or client.
struct Place {
    what: &'static str,
    service: Option<Name>,
}

/// A job on its way. If it is dropped before it has a response, it was given up.
struct Watch<'a> {
    logging: &'a Logging,
    job: JobRequest,
    place: Place,
    began: Instant,
    is_answered: bool,
}

impl<'a> Watch<'a> {
    fn new(logging: &'a Logging, job: JobRequest, place: Place) -> Self {
        Self {
            logging,
            job,
            place,
            began: Instant::now(),
            is_answered: false,
        }
    }

    fn answer(mut self, answer: &Answer<'_>) {
        self.is_answered = true;
        self.write(answer);
    }

    fn write(&self, answer: &Answer<'_>) {
        let took = self.began.elapsed();
        self.logging.write(&self.job, answer, &self.place, took);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.write(&Answer::GivenUp(self.began.elapsed()));
        }
    }
}

/// The outcome of a job.
enum Answer<'a> {
    Given(&'a JobResponse),
    /// An error of middleware of the server.
    Refused(&'a [WireError]),
    /// An error of the client.
    Failed(&'a ClientError),
    /// The caller gave it up, after this time.
    GivenUp(Duration),
}

impl Answer<'_> {
    fn has_failed(&self) -> bool {
        match self {
            Self::Given(response) => {
                let mut actions = response.actions.iter();
                !response.errors.is_empty() || actions.any(|action| !action.errors.is_empty())
            }
            Self::Refused(_) | Self::Failed(_) | Self::GivenUp(_) => true,
        }
    }

    fn outcome(&self) -> &'static str {
        match self {
            Self::GivenUp(_) => "given up",
            answer if answer.has_failed() => "error",
            _ => "ok",
        }
    }

    /// Returns the requested actions, each with the codes of its errors, and then those of the whole job.
    fn actions(&self, job: &JobRequest, length: usize) -> String {
        let mut text = String::new();
        let codes = |text: &mut String, errors: &[WireError]| {
            for (index, error) in errors.iter().enumerate() {
                let before = if index == 0 { "=" } else { "," };
                // Writing to a text cannot fail.
                let _ = write!(text, "{before}{}", redact::name(&error.code));
                if text.len() > length {
                    break;
                }
            }
        };
        let (answered, errors): (&[_], &[_]) = match self {
            Self::Given(response) => (&response.actions, &response.errors),
            Self::Refused(errors) => (&[], errors),
            Self::Failed(_) | Self::GivenUp(_) => (&[], &[]),
        };
        for (index, request) in job.actions.iter().enumerate() {
            if text.len() > length {
                break;
            }
            if index > 0 {
                text.push(' ');
            }
            text.push_str(&redact::name(&request.action));
            if let Some(response) = answered.get(index) {
                codes(&mut text, &response.errors);
            }
        }
        if !errors.is_empty() {
            text.push_str(" job");
            codes(&mut text, errors);
        }
        redact::cut(&text, length).into_owned()
    }
}

impl Middleware<JobStage> for Logging {
    async fn call(&self, job: JobRequest, next: Next<JobStage>) -> Result<JobResponse, JobError> {
        if !self.is_needed() {
            return next.run(job).await;
        }
        let place = Place {
            what: "a job was run",
            service: None,
        };
        let watch = Watch::new(self, job.clone(), place);
        let outcome = next.run(job).await;
        watch.answer(&match &outcome {
            Ok(response) => Answer::Given(response),
            Err(error) => Answer::Refused(error.errors()),
        });
        outcome
    }
}

impl Middleware<ClientStage> for Logging {
    async fn call(
        &self,
        request: ClientRequest,
        next: Next<ClientStage>,
    ) -> Result<JobResponse, ClientError> {
        if !self.is_needed() {
            return next.run(request).await;
        }
        let place = Place {
            what: "a service was called",
            service: Some(request.service.clone()),
        };
        let watch = Watch::new(self, request.job.clone(), place);
        let outcome = next.run(request).await;
        watch.answer(&match &outcome {
            Ok(response) => Answer::Given(response),
            Err(error) => Answer::Failed(error),
        });
        outcome
    }
}

fn is_enabled(level: LogLevel) -> bool {
    match level {
        LogLevel::Off => false,
        LogLevel::Error => enabled!(target: "soa::jobs", Level::ERROR),
        LogLevel::Warn => enabled!(target: "soa::jobs", Level::WARN),
        LogLevel::Info => enabled!(target: "soa::jobs", Level::INFO),
        LogLevel::Debug => enabled!(target: "soa::jobs", Level::DEBUG),
        LogLevel::Trace => enabled!(target: "soa::jobs", Level::TRACE),
    }
}
