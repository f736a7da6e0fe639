//! Facts about jobs that are delivered again, and the decisions about them.
//!
//! A transport finds requests that a dead process has held. What becomes of each is decided by the server
//! ([`Judge`]), which knows its actions; the transport carries it out.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::hold::Reply;
use super::redelivery::{DeadLetter, Redelivery};

/// The guarantee of delivery for the requests of a service, if the process that runs them crashes.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::Server;
/// use soa::transport::Delivery;
///
/// let server = Server::untyped("tools", "1.0.0").delivery(Delivery::AtMostOnce).build()?;
/// assert_eq!("at-least-once".parse(), Ok(Delivery::AtLeastOnce));
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Delivery {
    /// At least once for idempotent actions and at most once for all others, if the service has idempotent actions and the
    /// transport can hold requests. Otherwise at most once, and at no cost.
    #[default]
    Auto,
    /// At most once: a request that was taken is lost with the process that has taken it.
    AtMostOnce,
    /// At least once for idempotent actions and at most once for all others. The server does not start if the transport
    /// cannot hold requests.
    AtLeastOnce,
}

impl Delivery {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
        }
    }
}

/// The error for a text that names no [`Delivery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownDelivery;

impl fmt::Display for UnknownDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a delivery is `auto`, `at-most-once` or `at-least-once`")
    }
}

impl std::error::Error for UnknownDelivery {}

impl std::str::FromStr for Delivery {
    type Err = UnknownDelivery;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Auto, Self::AtMostOnce, Self::AtLeastOnce];
        let found = all.into_iter().find(|delivery| delivery.as_str() == text);
        found.ok_or(UnknownDelivery)
    }
}

/// The promises of a server about its jobs, for its transport. Cheap to clone.
#[derive(Clone)]
pub struct Promise {
    pub(crate) delivery: Delivery,
    pub(crate) judge: Arc<dyn Judge>,
}

impl Promise {
    #[doc(hidden)]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Returns who decides about jobs whose process is gone.
    #[doc(hidden)]
    pub fn judge(&self) -> &Arc<dyn Judge> {
        &self.judge
    }

    /// True if requests are to be held until they are answered, where that is possible.
    #[doc(hidden)]
    pub fn holds(&self) -> bool {
        match self.delivery {
            Delivery::Auto => self.judge.may_run_again(),
            Delivery::AtMostOnce => false,
            Delivery::AtLeastOnce => true,
        }
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise")
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// Decides about jobs whose process is gone.
pub trait Judge: Send + Sync {
    /// True if the service has idempotent actions of its own.
    fn may_run_again(&self) -> bool;

    /// Decides about a job.
    fn judge(&self, job: &LostJob<'_>) -> Verdict;

    /// Takes note of what was decided, once it was carried out.
    fn settled(&self, job: &LostJob<'_>, verdict: &Verdict);
}

/// A job whose process is gone.
#[derive(Clone, Copy, Debug)]
pub struct LostJob<'a> {
    /// The frame of its request.
    pub frame: &'a Bytes,
    /// The facts about earlier deliveries; `None` if this was the first.
    pub redelivery: Option<&'a Redelivery>,
    /// The way in which it was lost.
    pub loss: Loss,
}

/// The way in which a job was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Its process was given up for dead.
    Crash {
        /// True if that process held a suspect, so that no other job is to blame.
        had_suspect: bool,
        /// True if servers that know more actions have had time to take the job.
        is_old: bool,
    },
    /// Its process has handed it over, or nobody knows of it.
    HandedOver,
}

/// The fate of a job whose process is gone.
#[derive(Debug)]
pub enum Verdict {
    /// It is forgotten: nobody waits for it any more.
    Expired,
    /// It may have taken effect, and must not run again. Its caller is told, if there is one.
    Unknown(Option<Reply>),
    /// It is left to other servers, which may know its actions.
    Leave,
    /// It runs again.
    Again(Redelivery),
    /// It has ended too many processes, and is kept for people. Its caller is told.
    Dead(Box<DeadLetter>, Option<Reply>),
}
