//! The stages of middleware around whole jobs: on the client that sends one, and on the server that runs it.

use super::request::ClientRequest;
use crate::error::{ClientError, JobError};
use crate::message::{JobRequest, JobResponse};
use crate::stack::Stage;

/// The stage of middleware that runs once a job, on the server.
#[derive(Clone, Copy, Debug)]
pub enum JobStage {}

impl Stage for JobStage {
    type Request = JobRequest;
    type Response = JobResponse;
    type Error = JobError;
}

/// The stage of middleware that runs once a call, on the client.
#[derive(Clone, Copy, Debug)]
pub enum ClientStage {}

impl Stage for ClientStage {
    type Request = ClientRequest;
    type Response = JobResponse;
    type Error = ClientError;
}
