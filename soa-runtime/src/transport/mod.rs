//! Transports: the way of jobs from clients to servers, and of responses back.
//!
//! A [`ClientTransport`] carries the jobs of one service: as messages over a queue, or straight to a server in the same
//! process ([`LocalTransport`](crate::server::LocalTransport)). A [`ServerTransport`] brings frames to the run loop of a
//! server and takes frames from it; [`LocalQueue`] is one in memory. Those over Redis are in the crate `soa-redis`.
//!
//! The traits are small and name no client library, so implementations can change freely.

mod client;
mod delivery;
mod hold;
mod job_header;
mod limits;
mod queue;
mod redelivery;
mod reply;
mod server;
mod slots;

#[doc(hidden)]
pub use client::Misconfigured;
pub use client::{ClientTransport, ComponentSource, IntoTransport};
pub use delivery::{Delivery, Promise, UnknownDelivery};
#[doc(hidden)] // For transports that hold requests, by `internal`.
pub use delivery::{Judge, Loss, LostJob, Verdict};
#[doc(hidden)]
pub use hold::{Ending, Slot};
pub use hold::{Hold, Received, Reply};
#[doc(hidden)]
pub use limits::Fit;
pub use limits::MessageLimits;
pub use queue::LocalQueue;
pub use redelivery::DeadLetter;
#[doc(hidden)]
pub use redelivery::Redelivery;
pub use reply::ReplyFuture;
pub use server::{Backlog, ServerTransport};
#[doc(hidden)]
pub use server::{RecordKeeper, Told};
#[doc(hidden)]
pub use slots::{OpenSlot, Retired, SLOT_SIZE, Slots};
