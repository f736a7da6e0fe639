//! The error of calls.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use soa_wire::{TransportError, TransportErrorKind, error};
use tokio::time::Instant;

use super::{ActionError, ActionErrors};
use crate::codec::{DecodeError, EncodeError};
use crate::message::{Name, SwitchSet, Variant, WireError};

/// The failure of a call.
///
/// [`kind`](Self::kind) classifies it; [`errors`](Self::errors) are the errors in the response of the service, if there
/// was one. The text has the reason and, if there is one, the field at fault; `Debug` adds the causes behind it. The type
/// is opaque and one pointer wide. Clones are the same error.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{ActionError, Client, Context, ErrorKind, LocalTransport, Server, Value};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("library", "1.0.0")
///     .action("find_book", |_: Value, _: Context| async {
///         Err::<Value, _>(ActionError::caller("NO_SUCH_BOOK", "There is no such book"))
///     })
///     .build()?;
/// let client = Client::builder().service("library", LocalTransport::new(server)).build()?;
/// let error = client.call_action("library", "find_book", &()).await.unwrap_err();
/// assert_eq!((error.kind(), error.failed_action()), (ErrorKind::Action, Some("find_book")));
/// assert_eq!(error.errors()[0].code, "NO_SUCH_BOOK");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ClientError(Arc<Inner>);

struct Inner {
    service: Name,
    cause: Cause,
}

enum Cause {
    Action {
        action: Name,
        errors: Vec<WireError>,
    },
    Job(Vec<WireError>),
    UnknownService {
        known: Vec<String>,
    },
    Timeout {
        limit: std::time::Duration,
        trouble: Option<TransportError>,
        likely_cause: Option<String>,
    },
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
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{Client, ErrorKind};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder().build()?;
/// let error = client.call_action("library", "find_book", &()).await.unwrap_err();
/// let text = match error.kind() {
///     ErrorKind::Action | ErrorKind::Job => "the library refused",
///     ErrorKind::Timeout | ErrorKind::Transport => "the library does not respond",
///     ErrorKind::UnknownService => "the library is not configured",
///     _ => "the call failed",
/// };
/// assert_eq!(text, "the library is not configured");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The action answered with errors.
    Action,
    /// The job failed as a whole.
    Job,
    /// This client has no route to that service.
    UnknownService,
    /// No response within the timeout of the call. The reason is the trouble of the transport in that time, if any.
    Timeout,
    /// The request or the response was lost.
    Transport,
    /// The request cannot be encoded; nothing was sent.
    Encode,
    /// The response is not of the type that the caller expects.
    Decode,
    /// The response breaks the protocol.
    Protocol,
    /// The action was not run: an earlier one in the same job had failed.
    NotRun,
    /// The call is of one variant of an action, and the switches of its job select another; nothing was
    /// sent.
    VariantMismatch,
    /// The call is invalid; nothing was sent.
    Usage,
    /// Middleware of the client rejected the call or gave it up.
    Middleware,
    /// The circuit of the service is open, as too many of its calls have failed; nothing was sent. See
    /// [`ClientError::open_circuit`].
    CircuitOpen,
}

/// The times of an open circuit.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::ClientError;
/// use tokio::time::Instant;
///
/// fn report(error: &ClientError) {
///     if let Some(circuit) = error.open_circuit() {
///         let until = circuit.until().saturating_duration_since(Instant::now());
///         println!("{} is not called for another {until:?}", error.service());
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCircuit {
    since: Instant,
    until: Instant,
}

impl OpenCircuit {
    pub(crate) fn new(since: Instant, until: Instant) -> Self {
        Self { since, until }
    }

    /// Returns the time at which the circuit opened; the service has not answered since.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Returns the time at which the next call is let through as a trial. It is in the past while a trial is on its
    /// way.
    pub fn until(&self) -> Instant {
        self.until
    }
}

impl ErrorKind {
    /// Returns the name of the kind in metrics and traces.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::UnknownService.as_str(), "unknown_service");
    /// ```
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
        Self(Arc::new(Inner {
            service: service.clone(),
            cause,
        }))
    }

    #[doc(hidden)]
    pub fn action(service: &Name, action: Name, errors: Vec<WireError>) -> Self {
        Self::new(service, Cause::Action { action, errors })
    }

    pub(crate) fn job(service: &Name, errors: Vec<WireError>) -> Self {
        Self::new(service, Cause::Job(errors))
    }

    pub(crate) fn unknown_service(service: &Name, known: Vec<String>) -> Self {
        Self::new(service, Cause::UnknownService { known })
    }

    /// Makes a timeout. `trouble` is the failure of the transport meanwhile.
    pub(crate) fn timeout(
        service: &Name,
        timeout: std::time::Duration,
        trouble: Option<TransportError>,
    ) -> Self {
        Self::new(
            service,
            Cause::Timeout {
                limit: timeout,
                trouble,
                likely_cause: None,
            },
        )
    }

    /// Adds the likely cause of a timeout to its message. A clone of the error stays as it is.
    pub(crate) fn with_likely_cause(mut self, cause: String) -> Self {
        if let Some(Inner {
            cause: Cause::Timeout { likely_cause, .. },
            ..
        }) = Arc::get_mut(&mut self.0)
        {
            *likely_cause = Some(cause);
        }
        self
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

    /// Makes the error of an action that was not run. `failed` is the action that ended the job.
    pub(crate) fn not_run(service: &Name, failed: Name) -> Self {
        Self::new(service, Cause::NotRun { failed })
    }

    /// Makes the error of a call of `variant`, if `switches` select another one.
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

    /// Returns the error of middleware that rejects a call, or gives it up, for a reason of its own, which becomes
    /// a part of the text.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::client::ClientRequest;
    /// use soa::middleware::{ClientStage, Next, from_fn};
    /// use soa::{Client, ClientError};
    ///
    /// let read_only = from_fn(|request: ClientRequest, next: Next<ClientStage>| async move {
    ///     if request.job.actions.iter().any(|one| one.action.starts_with("delete_")) {
    ///         return Err(ClientError::middleware(request.service, "this client is read-only"));
    ///     }
    ///     next.run(request).await
    /// });
    /// let client = Client::builder().middleware(read_only).build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    pub fn middleware(
        service: impl Into<Name>,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::new(&service.into(), Cause::Middleware(error.into()))
    }

    pub(crate) fn circuit_open(service: &Name, circuit: OpenCircuit) -> Self {
        Self::new(service, Cause::CircuitOpen(circuit))
    }

    /// Returns the times of the open circuit, if that is the reason why the service was not called.
    pub fn open_circuit(&self) -> Option<OpenCircuit> {
        match &self.0.cause {
            Cause::CircuitOpen(circuit) => Some(*circuit),
            _ => None,
        }
    }

    /// Returns the kind of failure of the transport, if it is one.
    pub(crate) fn transport_kind(&self) -> Option<TransportErrorKind> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error.kind()),
            _ => None,
        }
    }

    /// Returns true if the same call may succeed when it is made again: there was no response in time, the connection
    /// broke, or the queue was full. The action may have been run nevertheless.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Client, ClientError, Value};
    ///
    /// async fn find(client: &Client) -> Result<Option<Value>, ClientError> {
    ///     match client.call_action("library", "find_book", &()).await {
    ///         Ok(book) => Ok(Some(book)),
    ///         Err(error) if error.is_transient() => Ok(None),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// ```
    pub fn is_transient(&self) -> bool {
        match &self.0.cause {
            Cause::Timeout { .. } => true,
            Cause::Transport(error) => matches!(
                error.kind(),
                TransportErrorKind::Transient
                    | TransportErrorKind::QueueFull
                    | TransportErrorKind::Unreachable
                    | TransportErrorKind::Interrupted
            ),
            _ => false,
        }
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Action { .. } => ErrorKind::Action,
            Cause::Job(_) => ErrorKind::Job,
            Cause::UnknownService { .. } => ErrorKind::UnknownService,
            Cause::Timeout { .. } => ErrorKind::Timeout,
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

    /// Returns the service that was called.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// Returns the action that failed, for a job the first; `None` if the job failed as a whole, or there was no
    /// response.
    pub fn failed_action(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Action { action, .. } => Some(action),
            _ => None,
        }
    }

    /// Returns the error that this one is about: that of the transport (also if it is why a call timed out), of the
    /// encoding, of the decoding, or of middleware. The text of this error includes its text.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ClientError, TransportError};
    ///
    /// fn is_closed(error: &ClientError) -> bool {
    ///     let reason = error.reason().and_then(|reason| reason.downcast_ref::<TransportError>());
    ///     reason.is_some_and(|error| error.kind() == soa::TransportErrorKind::Closed)
    /// }
    /// ```
    pub fn reason(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.cause {
            Cause::Transport(error)
            | Cause::Timeout {
                trouble: Some(error),
                ..
            } => Some(error),
            Cause::Encode { error, .. } => Some(&**error),
            Cause::Decode { error, .. } => Some(error),
            Cause::Middleware(error) => {
                let error: &(dyn Error + 'static) = error.as_ref();
                Some(error)
            }
            _ => None,
        }
    }

    /// Returns the errors in the response of the service; empty without a response.
    pub fn errors(&self) -> &[WireError] {
        match &self.0.cause {
            Cause::Action { errors, .. } | Cause::Job(errors) => errors,
            _ => &[],
        }
    }
}

/// Returns the setting that adds a route to a service.
pub(crate) fn route_setting(service: &str) -> String {
    // A key of settings with a dot in it is quoted.
    let quote = if service.contains('.') { "\"" } else { "" };
    format!("client_routing.{quote}{service}{quote}")
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.0.service;
        match &self.0.cause {
            Cause::Action { action, errors } => {
                write!(f, "action `{action}` of service `{service}` failed: ")?;
                error::list(f, errors)
            }
            Cause::Job(errors) => {
                write!(f, "the job for service `{service}` failed: ")?;
                error::list(f, errors)
            }
            Cause::UnknownService { known } => {
                write!(f, "no route to service `{service}`: this client ")?;
                match known.as_slice() {
                    [] => write!(f, "has no routes")?,
                    known => write!(f, "knows `{}`", known.join("`, `"))?,
                }
                let setting = route_setting(service);
                write!(
                    f,
                    "; add one with the setting `{setting}` or with `ClientBuilder::service`"
                )
            }
            Cause::Timeout { limit, .. } if limit.is_zero() => {
                write!(
                    f,
                    "the deadline had passed before service `{service}` was called"
                )
            }
            Cause::Timeout {
                limit,
                likely_cause,
                trouble,
            } => {
                write!(f, "no response from service `{service}` within {limit:?}")?;
                if let Some(trouble) = trouble {
                    write!(f, ": {trouble}")?;
                }
                match likely_cause {
                    Some(cause) => write!(f, "; likely cause: {cause}"),
                    None => Ok(()),
                }
            }
            Cause::Transport(error) => write!(f, "calling service `{service}` failed: {error}"),
            Cause::Encode { action, error } => {
                write!(
                    f,
                    "the request for `{action}` of service `{service}` cannot be encoded: {error}"
                )
            }
            Cause::Decode { action, error } => {
                write!(
                    f,
                    "the response of `{action}` of service `{service}` cannot be decoded: {error}"
                )
            }
            Cause::Protocol(message) => {
                write!(f, "service `{service}` broke the protocol: {message}")
            }
            Cause::NotRun { failed } => write!(
                f,
                "service `{service}` did not run the action, as `{failed}` before it failed"
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
                    "the circuit of service `{service}` has been open for {since:.1?} and stays open for another {left:.1?}"
                )
            }
            Cause::Middleware(error) => {
                write!(
                    f,
                    "middleware rejected the call of service `{service}`: {error}"
                )
            }
            Cause::Usage(message) if service.is_empty() => write!(f, "invalid call: {message}"),
            Cause::Usage(message) => write!(f, "invalid call of service `{service}`: {message}"),
        }
    }
}

impl Error for ClientError {
    /// Returns the source of the [`reason`](ClientError::reason), whose own text is a part of this one's.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason()?.source()
    }
}

soa_wire::debug_as_text!(ClientError);

impl ClientError {
    /// Returns the error in the response as the service's own type: the first one that the type knows, or otherwise the
    /// first of all if the type has a variant for unknown ones. `None` also without a response.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{ActionErrors, ClientError, WireError};
    ///
    /// // `#[derive(ActionErrors)]` writes this.
    /// # #[derive(Debug)]
    /// enum BookError {
    ///     NoSuchBook,
    /// }
    /// # impl ActionErrors for BookError {
    /// #     const CODES: &'static [&'static str] = &["NO_SUCH_BOOK"];
    /// #     fn from_wire(error: &WireError) -> Option<Self> {
    /// #         (error.code == "NO_SUCH_BOOK").then_some(Self::NoSuchBook)
    /// #     }
    /// #     fn into_wire(self) -> WireError { WireError::caller("NO_SUCH_BOOK", "There is no such book") }
    /// # }
    ///
    /// fn or_nothing(error: ClientError) -> Result<(), ClientError> {
    ///     match error.find::<BookError>() {
    ///         Some(BookError::NoSuchBook) => Ok(()),
    ///         None => Err(error),
    ///     }
    /// }
    /// ```
    pub fn find<E: ActionErrors>(&self) -> Option<E> {
        error::find(self.errors())
    }

    /// Returns all errors in the response that the type can hold, in order.
    pub fn find_all<E: ActionErrors>(&self) -> Vec<E> {
        error::find_all(self.errors())
    }
}

/// A chained call that failed is a failure of this service, as in the reference.
impl From<ClientError> for ActionError {
    fn from(error: ClientError) -> Self {
        Self::internal(error)
    }
}
