//! The stages of middleware around whole jobs: on the client that sends one, and on the server that runs it.

use super::request::ClientRequest;
use crate::error::{ClientError, JobError};
use crate::message::{JobRequest, JobResponse};
use crate::stack::Stage;

/// The stage of middleware that runs once a job, on the server.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::middleware::{JobStage, Next, from_fn};
/// use soa::{JobError, JobRequest, Server};
///
/// let small_jobs = from_fn(|job: JobRequest, next: Next<JobStage>| async move {
///     if job.actions.len() > 100 {
///         return Err(JobError::new("TOO_MANY_ACTIONS", "At most 100 actions"));
///     }
///     next.run(job).await
/// });
/// let server = Server::untyped("tools", "1.0.0").job_middleware(small_jobs).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum JobStage {}

impl Stage for JobStage {
    type Request = JobRequest;
    type Response = JobResponse;
    type Error = JobError;
}

/// The stage of middleware that runs once a call, on the client.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::ClientRequest;
/// use soa::middleware::{ClientStage, Next, from_fn};
///
/// let logs = from_fn(|request: ClientRequest, next: Next<ClientStage>| async move {
///     let service = request.service.clone();
///     let outcome = next.run(request).await;
///     println!("{service}: {}", if outcome.is_ok() { "responded" } else { "failed" });
///     outcome
/// });
/// let client = soa::Client::builder().middleware(logs).build()?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum ClientStage {}

impl Stage for ClientStage {
    type Request = ClientRequest;
    type Response = JobResponse;
    type Error = ClientError;
}
