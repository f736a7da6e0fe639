//! The head of an answer, taken from its request.

use std::time::Duration;

use super::frame::ProtocolVersion;
use crate::codec::Value;
use crate::serializer::Format;

/// The facts about a request that its answer needs. The answer comes in the request's own version and serializer, and
/// echoes the request id and the meta map.
#[derive(Debug)]
pub struct Head {
    pub(super) version: ProtocolVersion,
    pub(super) format: Format,
    /// The request id, encoded.
    pub(super) request_id: Vec<u8>,
    /// The entries of the meta map without `__expiry__`, encoded.
    pub(super) meta: Vec<u8>,
    pub(super) meta_length: usize,
    /// True if the client knows `is_caller_error`.
    pub(super) has_caller_errors: bool,
    pub(super) reply_to: Option<String>,
    pub(super) is_suppressed: bool,
    pub(super) expiry: Option<f64>,
}

impl Head {
    /// The time for which the sender still waits, from `now` in Unix seconds; `None` if the request does not say it.
    #[doc(hidden)]
    pub fn left(&self, now: f64) -> Option<Duration> {
        let expiry = self.expiry.filter(|expiry| *expiry != 0.0)?;
        // An expiry that no `Duration` reaches counts as none.
        Duration::try_from_secs_f64((expiry - now).max(0.0)).ok()
    }

    /// The id of the request, which its answer repeats.
    #[doc(hidden)]
    pub fn request_id(&self) -> Value {
        let decoded = self.format.encoding().decode_value(&self.request_id);
        // It could be read when the request was.
        decoded.unwrap_or(Value::Nil)
    }

    /// True if the sender wants no answer.
    pub fn is_suppressed(&self) -> bool {
        self.is_suppressed
    }

    /// The name of the reply list, if the sender wants an answer.
    pub fn reply_to(&self) -> Option<&str> {
        self.reply_to.as_deref().filter(|_| !self.is_suppressed)
    }

    /// The name of the reply list.
    pub fn into_reply_to(self) -> Option<String> {
        self.reply_to
    }
}
