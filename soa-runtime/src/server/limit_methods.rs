//! The methods of the builder that set limits.

use std::time::Duration;

use super::builder::ServerBuilder;
#[cfg(doc)]
use super::handle::Server;

impl ServerBuilder {
    /// Sets the maximum number of jobs that [`Server::run`] runs at once: 256 by default, at least 1, at most 2²⁸.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0").concurrency(16).build()?;
    /// assert_eq!(server.concurrency(), 16);
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.clamp(1, 1 << 28);
        self
    }

    /// Sets the maximum number of actions in one job: 10,000 by default, at least 1. A job with more is answered with the
    /// job error `REQUEST_TOO_LARGE`, and none of its actions runs.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::{Client, LocalTransport, Server, value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("tools", "1.0.0").max_actions(2).build()?;
    /// let client = Client::builder().service("tools", LocalTransport::new(server)).build()?;
    /// let three = vec![("status".into(), value!({})); 3];
    /// let response = client.call_job("tools", three).await?;
    /// assert_eq!(response.errors[0].code, "REQUEST_TOO_LARGE");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn max_actions(mut self, actions: usize) -> Self {
        self.max_actions = actions.max(1);
        self
    }

    /// Limits the time of each job, independent of the caller's timeout; without a limit by default.
    ///
    /// An action that is not done by then is given up: its future is dropped where it waits, and the caller gets
    /// `ACTION_TIMEOUT`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::{ActionError, Client, Context, LocalTransport, Server, Value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::untyped("slow", "1.0.0")
    ///     .action("hang", |_: Value, _: Context| std::future::pending::<Result<Value, ActionError>>())
    ///     .job_timeout(Duration::from_millis(20))
    ///     .build()?;
    /// let client = Client::builder().service("slow", LocalTransport::new(server)).build()?;
    /// let error = client.call_action("slow", "hang", &()).await.unwrap_err();
    /// assert_eq!(error.errors()[0].code, "ACTION_TIMEOUT");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn job_timeout(mut self, timeout: Duration) -> Self {
        self.job_timeout = Some(timeout);
        self
    }

    /// Gives up a job when the timeout of its caller is over (`timeout` in its control header), counted from when it
    /// was received. On by default. The reference ignores these timeouts: turn this off if callers send timeouts
    /// shorter than they really wait.
    #[must_use]
    pub fn honors_caller_timeouts(mut self, honors: bool) -> Self {
        self.honors_caller_timeouts = honors;
        self
    }
}
