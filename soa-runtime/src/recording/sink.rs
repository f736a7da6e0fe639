//! Places for records, beside a file.

use crate::BoxFuture;
use crate::error::TransportError;

/// A place for records. `RedisRecords` is a stream in Redis.
///
/// It is called by one thread at a time for each service of a [`Record`](crate::middleware::Record), and never by an action.
pub trait RecordSink: Send + Sync + 'static {
    /// Writes lines of a service, the oldest first. Each is an [`Entry`](crate::recording::Entry), without the end of a line.
    ///
    /// # Errors
    /// The lines cannot be written. They are counted as dropped, and the next ones are tried again.
    fn write(&self, service: &str, lines: Vec<String>) -> BoxFuture<Result<(), TransportError>>;
}
