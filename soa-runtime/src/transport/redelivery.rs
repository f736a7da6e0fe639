//! Facts about jobs that are delivered again, and of those that are not run any more.

use bytes::Bytes;

/// The facts about the earlier deliveries of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redelivery {
    /// The id of the job, the same in all of its deliveries.
    pub id: String,
    /// The number of this delivery, from 2.
    pub attempt: u32,
    /// The number of processes that are gone and may have been ended by it.
    pub strikes: u32,
    /// True if it is run beside no other suspect, to find out whether it ends processes.
    pub is_suspect: bool,
    /// True if it runs however late it is: a person wants it to.
    pub is_late: bool,
    /// The time of its first delivery, in milliseconds since 1970.
    pub born: u64,
    /// The reason for the last delivery.
    pub reason: &'static str,
}

/// A job that is not run any more, with the reason.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{ActionError, Context, Server, Value};
///
/// let server = Server::untyped("tools", "1.0.0")
///     .action("shrink", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) })
///     .idempotent("shrink")
///     .on_dead(|_server, letter| eprintln!("{} of {:?} is dead", letter.id, letter.actions))
///     .build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The id of the job.
    pub id: String,
    /// The names of its actions; empty if the message cannot be read.
    pub actions: Vec<String>,
    /// The reason: `poison` for a job that has ended too many processes.
    pub reason: String,
    /// The number of times that it was delivered.
    pub attempts: u32,
    /// The number of processes that ended while they ran it.
    pub strikes: u32,
    /// The last error, for people.
    pub error: String,
    /// The time of its first delivery, in milliseconds since 1970.
    pub born: u64,
    /// The time from which it was dead, in milliseconds since 1970.
    pub died: u64,
    /// The message, as its sender wrote it.
    pub frame: Bytes,
}
