//! The outcomes of a job's actions.

use crate::codec::DecodeError;
use crate::error::ClientError;
use crate::message::{ActionResponse, Body, JobResponse, Name};

/// Turns a body into a response.
pub(super) type Decode<R> = fn(&Body) -> Result<R, DecodeError>;

/// The outcomes of a job's actions, one after another.
pub(super) struct Outcomes<'a> {
    service: &'a Name,
    responses: std::vec::IntoIter<ActionResponse>,
    /// The action that failed last: the actions behind it may have no response.
    failed: Option<Name>,
}

impl<'a> Outcomes<'a> {
    /// Makes the outcomes of a job that did not fail as a whole.
    pub(super) fn new(service: &'a Name, response: JobResponse) -> Result<Self, ClientError> {
        if !response.errors.is_empty() {
            return Err(ClientError::job(service, response.errors));
        }
        Ok(Self {
            service,
            responses: response.actions.into_iter(),
            failed: None,
        })
    }

    /// Decodes the response of the next action, or returns the reason why there is none.
    pub(super) fn next<R>(&mut self, decode: Decode<R>) -> Result<R, ClientError> {
        let service = self.service;
        let Some(response) = self.responses.next() else {
            return Err(match &self.failed {
                Some(failed) => ClientError::not_run(service, failed.clone()),
                None => {
                    let message = "the response has fewer actions than the request";
                    ClientError::protocol(service, message)
                }
            });
        };
        if !response.errors.is_empty() {
            let (action, errors) = (response.action, response.errors);
            self.failed = Some(action.clone());
            return Err(ClientError::action(service, action, errors));
        }
        decode(&response.body).map_err(|error| ClientError::decode(service, response.action, error))
    }
}
