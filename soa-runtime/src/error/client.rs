//! What a call gives back when it does not give a response.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::list::list;
use super::transport::{TransportError, TransportErrorKind};
use crate::codec::{DecodeError, EncodeError};
use crate::message::{Name, SwitchSet, Variant, WireError};

/// Why a call failed.
///
/// [`kind`](Self::kind) says who has to act; [`errors`](Self::errors) are the errors that the service
/// answered, where it did. The type is opaque and one pointer wide.
#[derive(Debug)]
pub struct ClientError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    service: Name,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Action {
        action: Name,
        errors: Vec<WireError>,
    },
    Job(Vec<WireError>),
    UnknownService {
        known: Vec<String>,
    },
    Timeout(std::time::Duration, Option<TransportError>),
    Transport(TransportError),
    Encode {
        action: Name,
        error: Arc<EncodeError>,
    },
    Decode {
        action: Name,
        error: DecodeError,
    },
    Protocol(String),
    NotRun {
        failed: Name,
    },
    VariantMismatch {
        meant: String,
        selected: String,
        switches: SwitchSet,
    },
    Usage(String),
    Middleware(Box<dyn Error + Send + Sync>),
    CircuitOpen(OpenCircuit),
}

/// The kinds of failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The action answered with errors.
    Action,
    /// The job failed as a whole.
    Job,
    /// This client has no route to that service.
    UnknownService,
    /// No answer within the call's timeout. Where the transport had trouble meanwhile, that is the source.
    Timeout,
    /// The request or the answer got lost.
    Transport,
    /// The request cannot be encoded; nothing was sent.
    Encode,
    /// The response is not of the type that the caller expects.
    Decode,
    /// The answer breaks the protocol.
    Protocol,
    /// The action was not run: one before it in the same job had failed.
    NotRun,
    /// The call is of one variant of an action, and the switches of its job select another; nothing was
    /// sent.
    VariantMismatch,
    /// The call itself makes no sense; nothing was sent.
    Usage,
    /// Middleware of the client refused the call or gave it up.
    Middleware,
    /// The service has failed too often and is left alone for a while; nothing was sent. See
    /// [`ClientError::open_circuit`].
    CircuitOpen,
}

/// Since when a service is left alone, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCircuit {
    since: Instant,
    until: Instant,
}

impl OpenCircuit {
    pub(crate) fn new(since: Instant, until: Instant) -> Self {
        Self { since, until }
    }

    /// When the service was given up first; it has not answered since.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// When a call is let through again, to try. In the past while such a call is on its way.
    pub fn until(&self) -> Instant {
        self.until
    }
}

impl ErrorKind {
    /// The name of the kind in metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Job => "job",
            Self::NotRun => "not_run",
            Self::Middleware => "middleware",
            Self::CircuitOpen => "circuit_open",
            Self::UnknownService => "unknown_service",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::Protocol => "protocol",
            Self::VariantMismatch => "variant_mismatch",
            Self::Usage => "usage",
        }
    }
}

impl ClientError {
    fn new(service: &Name, cause: Cause) -> Self {
        Self(Box::new(Inner {
            service: service.clone(),
            cause,
        }))
    }

    pub(crate) fn action(service: &Name, action: Name, errors: Vec<WireError>) -> Self {
        Self::new(service, Cause::Action { action, errors })
    }

    pub(crate) fn job(service: &Name, errors: Vec<WireError>) -> Self {
        Self::new(service, Cause::Job(errors))
    }

    pub(crate) fn unknown_service(service: &Name, known: Vec<String>) -> Self {
        Self::new(service, Cause::UnknownService { known })
    }

    /// `trouble` is what was wrong with the transport meanwhile.
    pub(crate) fn timeout(
        service: &Name,
        timeout: std::time::Duration,
        trouble: Option<TransportError>,
    ) -> Self {
        Self::new(service, Cause::Timeout(timeout, trouble))
    }

    pub(crate) fn transport(service: &Name, error: TransportError) -> Self {
        Self::new(service, Cause::Transport(error))
    }

    pub(crate) fn encode(service: &Name, action: Name, error: Arc<EncodeError>) -> Self {
        Self::new(service, Cause::Encode { action, error })
    }

    pub(crate) fn decode(service: &Name, action: Name, error: DecodeError) -> Self {
        Self::new(service, Cause::Decode { action, error })
    }

    pub(crate) fn protocol(service: &Name, message: impl Into<String>) -> Self {
        Self::new(service, Cause::Protocol(message.into()))
    }

    /// `failed` is the action that ended the job.
    pub(crate) fn not_run(service: &Name, failed: Name) -> Self {
        Self::new(service, Cause::NotRun { failed })
    }

    /// `variant` is the one that was called, under `switches`, which select another.
    pub(crate) fn variant_mismatch(
        service: &Name,
        action: &Name,
        variant: &Variant,
        switches: &SwitchSet,
    ) -> Self {
        let shown = |switch| format!("{action}{}", variant.suffix(switch));
        Self::new(
            service,
            Cause::VariantMismatch {
                meant: shown(variant.switch),
                selected: shown(variant.select(switches)),
                switches: switches.clone(),
            },
        )
    }

    pub(crate) fn usage(service: &Name, message: impl Into<String>) -> Self {
        Self::new(service, Cause::Usage(message.into()))
    }

    /// The error of middleware that refuses a call, or gives it up, for a reason of its own. What it was, is the
    /// source.
    pub fn middleware(
        service: impl Into<Name>,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::new(&service.into(), Cause::Middleware(error.into()))
    }

    pub(crate) fn circuit_open(service: &Name, circuit: OpenCircuit) -> Self {
        Self::new(service, Cause::CircuitOpen(circuit))
    }

    /// Since when and until when the service is left alone, where that is why it was not called.
    pub fn open_circuit(&self) -> Option<OpenCircuit> {
        match &self.0.cause {
            Cause::CircuitOpen(circuit) => Some(*circuit),
            _ => None,
        }
    }

    /// What kind of failure of the transport it is, if it is one.
    pub(crate) fn transport_kind(&self) -> Option<TransportErrorKind> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error.kind()),
            _ => None,
        }
    }

    /// Whether the same call may work when it is made again: there was no answer in time, the connection broke, the
    /// queue was full. The action may have been run all the same.
    pub fn is_transient(&self) -> bool {
        match &self.0.cause {
            Cause::Timeout(..) => true,
            Cause::Transport(error) => matches!(
                error.kind(),
                TransportErrorKind::Transient | TransportErrorKind::QueueFull
            ),
            _ => false,
        }
    }

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Action { .. } => ErrorKind::Action,
            Cause::Job(_) => ErrorKind::Job,
            Cause::UnknownService { .. } => ErrorKind::UnknownService,
            Cause::Timeout(..) => ErrorKind::Timeout,
            Cause::Transport(_) => ErrorKind::Transport,
            Cause::Encode { .. } => ErrorKind::Encode,
            Cause::Decode { .. } => ErrorKind::Decode,
            Cause::Protocol(_) => ErrorKind::Protocol,
            Cause::NotRun { .. } => ErrorKind::NotRun,
            Cause::VariantMismatch { .. } => ErrorKind::VariantMismatch,
            Cause::Usage(_) => ErrorKind::Usage,
            Cause::Middleware(_) => ErrorKind::Middleware,
            Cause::CircuitOpen(_) => ErrorKind::CircuitOpen,
        }
    }

    /// The service that was called.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// The action that the service answered with errors, for a job the first; `None` where the job failed as a whole, or was
    /// not answered.
    pub fn failed_action(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Action { action, .. } => Some(action),
            _ => None,
        }
    }

    /// The errors that the service answered; empty when it did not answer.
    pub fn errors(&self) -> &[WireError] {
        match &self.0.cause {
            Cause::Action { errors, .. } | Cause::Job(errors) => errors,
            _ => &[],
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.0.service;
        match &self.0.cause {
            Cause::Action { action, errors } => {
                write!(f, "action `{action}` of service `{service}` failed: ")?;
                list(f, errors)
            }
            Cause::Job(errors) => {
                write!(f, "the job for service `{service}` failed: ")?;
                list(f, errors)
            }
            Cause::UnknownService { known } if known.is_empty() => {
                write!(
                    f,
                    "no route to service `{service}`: this client has no routes"
                )
            }
            Cause::UnknownService { known } => {
                let known = known.join("`, `");
                write!(
                    f,
                    "no route to service `{service}`: this client knows `{known}`"
                )
            }
            Cause::Timeout(timeout, _) if timeout.is_zero() => {
                write!(f, "no time was left for a call of service `{service}`")
            }
            Cause::Timeout(timeout, _) => {
                write!(f, "no answer from service `{service}` within {timeout:?}")
            }
            Cause::Transport(_) => write!(f, "calling service `{service}` failed"),
            Cause::Encode { action, .. } => {
                write!(
                    f,
                    "the request for `{action}` of service `{service}` cannot be encoded"
                )
            }
            Cause::Decode { action, .. } => {
                write!(
                    f,
                    "the response of `{action}` of service `{service}` is not what was expected"
                )
            }
            Cause::Protocol(message) => {
                write!(f, "service `{service}` broke the protocol: {message}")
            }
            Cause::NotRun { failed } => write!(
                f,
                "service `{service}` did not run the action, as `{failed}` before it had failed"
            ),
            Cause::VariantMismatch {
                meant,
                selected,
                switches,
            } => {
                write!(
                    f,
                    "`{meant}` of service `{service}` was called, but with the switches of this job, \
                     {switches:?}, `{selected}` would answer"
                )
            }
            Cause::CircuitOpen(circuit) => {
                let now = Instant::now();
                let since = now.saturating_duration_since(circuit.since);
                let left = circuit.until.saturating_duration_since(now);
                write!(
                    f,
                    "service `{service}` fails since {since:.1?} and is not called for another {left:.1?}"
                )
            }
            Cause::Middleware(_) => {
                write!(
                    f,
                    "middleware did not let the call of service `{service}` through"
                )
            }
            Cause::Usage(message) if service.is_empty() => write!(f, "bad call: {message}"),
            Cause::Usage(message) => write!(f, "bad call of service `{service}`: {message}"),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.cause {
            Cause::Transport(error) | Cause::Timeout(_, Some(error)) => Some(error),
            Cause::Encode { error, .. } => Some(&**error),
            Cause::Decode { error, .. } => Some(error),
            Cause::Middleware(error) => {
                let error: &(dyn Error + 'static) = error.as_ref();
                Some(error)
            }
            _ => None,
        }
    }
}
