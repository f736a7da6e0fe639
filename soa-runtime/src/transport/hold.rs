//! Holds: requests that their transport keeps until they are answered.
//!
//! A transport that holds a request gives it out with a [`Hold`], and has it back with the response ([`Reply`]),
//! or when the job has ended without one. A hold that is dropped gives its request back: the job was ended before it was
//! answered, and another server may run it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::redelivery::Redelivery;
use crate::lifetime::Signal;

/// A request as a transport brings it.
///
/// ```
/// # use soa_runtime as soa;
/// use bytes::Bytes;
/// use soa::transport::Received;
///
/// // A transport that does not hold its requests.
/// let received = Received::from(Bytes::from_static(b"a frame"));
/// assert!(received.hold.is_none());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// The whole frame, as the protocol has it.
    pub frame: Bytes,
    /// The hold on the request; `None` if the transport has forgotten it.
    pub hold: Option<Hold>,
}

impl From<Bytes> for Received {
    fn from(frame: Bytes) -> Self {
        Self { frame, hold: None }
    }
}

impl Received {
    #[doc(hidden)]
    pub fn held(frame: Bytes, hold: Hold) -> Self {
        Self {
            frame,
            hold: Some(hold),
        }
    }
}

/// A response on its way back.
///
/// ```
/// # use soa_runtime as soa;
/// use std::time::Duration;
/// use soa::transport::Reply;
///
/// fn is_late(reply: &Reply) -> bool {
///     reply.left == Some(Duration::ZERO)
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The address of the response: the `reply_to` in the meta map of the request.
    pub reply_to: String,
    /// The frame to send.
    pub frame: Bytes,
    /// The time until the caller stops waiting, if the request tells. Later the response need not be sent.
    pub left: Option<Duration>,
    /// True for an error that says that the job was not started.
    pub is_refusal: bool,
    /// The hold on the request, which ends when the response is sent; `None` if the transport holds no requests.
    pub hold: Option<Hold>,
}

impl Reply {
    #[doc(hidden)]
    pub fn new(reply_to: String, frame: Bytes, left: Option<Duration>) -> Self {
        Self {
            reply_to,
            frame,
            left,
            is_refusal: false,
            hold: None,
        }
    }
}

/// A place in which a transport keeps requests until they are answered.
pub trait Slot: Any + Send + Sync {
    /// Ends the hold on one of its requests.
    fn end(&self, place: u8, ending: Ending, redelivery: Option<Box<Redelivery>>);

    /// Takes note that one of its jobs begins. The signal is to be set when its caller is known to be gone.
    fn begun(&self, place: u8, frame: &Bytes, gone: &Arc<Signal>) {
        let _ = (place, frame, gone);
    }

    /// Returns the signal that its requests are held by others now: what is answered from here on reaches nobody.
    fn lost(&self) -> &Arc<Signal>;

    /// Returns true if its jobs have to end where they are, as if the process had crashed.
    fn has_crashed(&self) -> bool {
        false
    }
}

/// The end of a hold without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The job needs no response.
    Done,
    /// The job was not begun, and any server may take it.
    NotBegun,
    /// The job was begun, and may run again.
    Again,
}

/// The hold on a request. If it is dropped, its request goes back: another server may run it.
#[must_use]
pub struct Hold {
    held: Option<(Arc<dyn Slot>, u8)>,
    redelivery: Option<Box<Redelivery>>,
    is_begun: bool,
}

impl Hold {
    #[doc(hidden)]
    pub fn new(slot: Arc<dyn Slot>, place: u8, redelivery: Option<Box<Redelivery>>) -> Self {
        Self {
            held: Some((slot, place)),
            redelivery,
            is_begun: false,
        }
    }

    /// Records that the job begins. The transport sets the signal when it hears that the caller is gone.
    #[doc(hidden)]
    pub fn begin(&mut self, frame: &Bytes, gone: &Arc<Signal>) {
        self.is_begun = true;
        if let Some((slot, place)) = &self.held {
            slot.begun(*place, frame, gone);
        }
    }

    /// Returns the facts about earlier deliveries; `None` if this is the first.
    #[doc(hidden)]
    pub fn redelivery(&self) -> Option<&Redelivery> {
        self.redelivery.as_deref()
    }

    /// Returns the signal that the request is held by others now.
    #[doc(hidden)]
    pub fn lost(&self) -> Arc<Signal> {
        match &self.held {
            Some((slot, _)) => Arc::clone(slot.lost()),
            None => Arc::default(),
        }
    }

    /// Returns true if the job has to end where it is.
    #[doc(hidden)]
    pub fn has_crashed(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|(slot, _)| slot.has_crashed())
    }

    /// Ends the hold: the job is over, and has no response.
    #[doc(hidden)]
    pub fn done(mut self) {
        self.end(Ending::Done);
    }

    /// Ends the hold: another server is to run the job.
    #[doc(hidden)]
    pub fn hand_over(mut self) {
        self.end(Ending::Again);
    }

    /// Gives out the place, whose transport ends the hold.
    #[doc(hidden)]
    pub fn into_place(mut self) -> Option<(Arc<dyn Slot>, u8)> {
        self.held.take()
    }

    fn end(&mut self, ending: Ending) {
        if let Some((slot, place)) = self.held.take() {
            slot.end(place, ending, self.redelivery.take());
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.end(match self.is_begun {
            true => Ending::Again,
            false => Ending::NotBegun,
        });
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("is_begun", &self.is_begun)
            .field("redelivery", &self.redelivery)
            .finish_non_exhaustive()
    }
}
