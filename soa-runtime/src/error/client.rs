//! What a call gives back when it does not give a response.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::TransportError;
use super::action::list;
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
    Timeout(std::time::Duration),
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
    VariantMismatch {
        meant: String,
        selected: String,
        switches: SwitchSet,
    },
    Usage(String),
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
    /// No answer within the call's timeout.
    Timeout,
    /// The request or the answer got lost.
    Transport,
    /// The request cannot be encoded; nothing was sent.
    Encode,
    /// The response is not of the type that the caller expects.
    Decode,
    /// The answer breaks the protocol.
    Protocol,
    /// The call is of one variant of an action, and the switches of its job select another; nothing was
    /// sent.
    VariantMismatch,
    /// The call itself makes no sense; nothing was sent.
    Usage,
}

impl ErrorKind {
    /// The name of the kind in metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Job => "job",
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

    pub(crate) fn timeout(service: &Name, timeout: std::time::Duration) -> Self {
        Self::new(service, Cause::Timeout(timeout))
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

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Action { .. } => ErrorKind::Action,
            Cause::Job(_) => ErrorKind::Job,
            Cause::UnknownService { .. } => ErrorKind::UnknownService,
            Cause::Timeout(_) => ErrorKind::Timeout,
            Cause::Transport(_) => ErrorKind::Transport,
            Cause::Encode { .. } => ErrorKind::Encode,
            Cause::Decode { .. } => ErrorKind::Decode,
            Cause::Protocol(_) => ErrorKind::Protocol,
            Cause::VariantMismatch { .. } => ErrorKind::VariantMismatch,
            Cause::Usage(_) => ErrorKind::Usage,
        }
    }

    /// The service that was called.
    pub fn service(&self) -> &str {
        &self.0.service
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
            Cause::Timeout(timeout) if timeout.is_zero() => {
                write!(f, "no time was left for a call of service `{service}`")
            }
            Cause::Timeout(timeout) => {
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
            Cause::Usage(message) if service.is_empty() => write!(f, "bad call: {message}"),
            Cause::Usage(message) => write!(f, "bad call of service `{service}`: {message}"),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error),
            Cause::Encode { error, .. } => Some(&**error),
            Cause::Decode { error, .. } => Some(error),
            _ => None,
        }
    }
}
