//! The way out: a request of HTTP for a job, by each channel.

use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::uri::Uri;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use soa_runtime::Channel;
use soa_runtime::client::ClientRequest;
use soa_runtime::message::ARGUMENTS;
use soa_wire::{ActionRequest, JobRequest, Name};

use super::known::{KnownAction, KnownActions};
use super::{head, job, positional, rest};
use crate::encoding::Encoding;
use crate::reply::{JSON, MSGPACK};

/// The address that is called, the channel, and the actions that are known there.
#[derive(Clone)]
pub(super) struct Target {
    /// Without a slash at its end.
    pub(super) base: String,
    pub(super) channel: Channel,
    pub(super) component: Option<Name>,
    /// True if the server is known to act on contexts.
    pub(super) carries_context: bool,
    pub(super) known: Arc<KnownActions>,
}

/// A request of HTTP before it is sent, and what reads its answer.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The actions whose types are known, for those who read the answer.
    pub(super) known: Vec<Option<Arc<KnownAction>>>,
    /// True if a second attempt has the effect of one.
    pub(super) is_repeatable: bool,
}

impl Target {
    /// Writes a request.
    ///
    /// # Errors
    /// The channel cannot carry the job. Nothing is sent.
    pub(super) fn written(&self, request: &ClientRequest) -> Result<Outgoing, String> {
        let job = &request.job;
        let time = match job.control.suppress_response {
            Some(true) => None,
            _ => request.timeout,
        };
        if request.sets_context && !self.carries_context && self.channel != Channel::Call {
            let problem = "the call sets switches or values of its context, which servers of Aspyx ignore; if the server is one \
                           of this framework, use the channel `call`, or say so with `carrying_context()` or the setting `carries_context`";
            return Err(problem.to_owned());
        }
        let mut headers = head::write(job, time)?;
        let mut known = Vec::with_capacity(job.actions.len());
        for action in &job.actions {
            let service = request.descriptor;
            let found = service.map(|service| self.known.find(service, action));
            known.push(found.transpose()?);
        }
        let is_idempotent = job.actions.iter().all(ActionRequest::is_idempotent);
        if self.channel == Channel::Call {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(MSGPACK));
            return Ok(Outgoing {
                method: Method::POST,
                url: self.at(&format!("/{}", crate::path::escaped(&request.service)))?,
                headers,
                body: job::write(job)?,
                known,
                is_repeatable: is_idempotent,
            });
        }
        let [action] = &*job.actions else {
            return Err(
                "it carries one action at a time, and not a job of several; use the channel `call`"
                    .to_owned(),
            );
        };
        let body = action.body.to_value().map_err(|error| error.to_string())?;
        let of_type = known.first().and_then(Option::as_deref);
        let typed = || {
            of_type.ok_or_else(|| {
                "the call has no types: use a typed client, `call_positional`, or the channel `call`"
                .to_owned()
            })
        };
        let outgoing = match self.channel {
            Channel::Rest => {
                let written = rest::write(&self.base, typed()?, body)?;
                let repeats = verb_repeats(Channel::Rest, request);
                if written.body.is_some() {
                    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
                }
                Outgoing {
                    method: written.method,
                    url: written.url,
                    headers,
                    body: written.body.unwrap_or_default(),
                    known,
                    is_repeatable: is_idempotent || repeats,
                }
            }
            channel => {
                let id = self.method_id(&request.service, &action.action);
                let written = match (channel, of_type) {
                    (Channel::Protobuf, _) => {
                        positional::protobuf(&id, typed()?, body, &mut headers)?
                    }
                    (_, _) if action.is_positional => {
                        let arguments = body.get(ARGUMENTS).cloned().unwrap_or_default();
                        positional::untyped(self.format(), &id, arguments)?
                    }
                    (_, _) => positional::typed(self.format(), &id, typed()?, body)?,
                };
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(written.content_type));
                // So that a door of this framework tells the codes and the fields of its errors.
                headers.insert(crate::dispatch::ERRORS, HeaderValue::from_static("1"));
                Outgoing {
                    method: Method::POST,
                    url: self.at("/invoke")?,
                    headers,
                    body: written.body,
                    known,
                    is_repeatable: is_idempotent,
                }
            }
        };
        Ok(outgoing)
    }

    fn at(&self, path: &str) -> Result<Uri, String> {
        let url = Uri::try_from(format!("{}{path}", self.base));
        url.map_err(|error| error.to_string())
    }

    fn method_id(&self, service: &Name, action: &Name) -> String {
        let component = self.component.as_ref().unwrap_or(service);
        format!("{component}:{service}:{action}")
    }

    fn format(&self) -> Encoding {
        match self.channel {
            Channel::MessagePack => Encoding::MessagePack,
            _ => Encoding::Json,
        }
    }
}

/// Returns true if the verb of a call allows that it is sent again after it was lost.
pub(super) fn verb_repeats(channel: Channel, request: &ClientRequest) -> bool {
    let ([action], Some(service)) = (&*request.job.actions, request.descriptor) else {
        return false;
    };
    let route = || {
        let mut actions = service.actions().iter();
        let action = actions.find(|one| one.name() == action.action)?;
        action.declared().for_http().all_routes().first()
    };
    channel == Channel::Rest && route().is_some_and(|route| rest::repeats(route.method()))
}

/// Returns the names of the actions of a job, for errors.
pub(super) fn names(job: &JobRequest) -> String {
    let names: Vec<&str> = job
        .actions
        .iter()
        .map(|action| action.action.as_str())
        .collect();
    names.join("`, `")
}
