//! Calls of other services, answered by the plan.
//!
//! While a case runs, every client that a handler gets by its context asks the stubs first: what they have, they answer
//! and record; everything else goes where it would have gone. Stubs of an action stand before those of the case.

use std::sync::{Arc, Mutex, PoisonError};

use super::case::{Calls, Fixtures};
use super::compare::is_exactly;
use super::report::Problem;
use super::run::Scene;
use crate::client::{Client, ClientRequest};
use crate::codec::{Map, Value};
use crate::context::ClientLayer;
use crate::error::ClientError;
use crate::message::{ActionRequest, ActionResponse, Body, JobResponse, WireError};
use crate::middleware::{ClientStage, Middleware, Next};

/// A stub while it stands.
#[derive(Debug)]
struct Standing {
    service: String,
    action: String,
    body: Value,
    errors: Vec<WireError>,
    calls: Calls,
    called: Mutex<Vec<Value>>,
}

/// The stubs of a case or of an action.
#[derive(Clone, Debug, Default)]
pub(super) struct Stubs(Vec<Arc<Standing>>);

impl Stubs {
    pub(super) fn start(fixtures: &Fixtures, scene: &Scene<'_>) -> Result<Self, Problem> {
        let stubs = fixtures.stubs.iter().map(|((service, action), spec)| {
            let body = spec
                .body
                .as_ref()
                .map(|body| scene.resolve(body))
                .transpose()?;
            let calls = match &spec.calls {
                Calls::One { line, request } => Calls::One {
                    line: *line,
                    request: scene.resolve(request)?,
                },
                calls => calls.clone(),
            };
            Ok(Arc::new(Standing {
                service: service.clone(),
                action: action.clone(),
                body: body.map_or_else(|| Value::Map(Map::new()), |body| body.to_value()),
                errors: spec.errors.clone(),
                calls,
                called: Mutex::default(),
            }))
        });
        stubs.collect::<Result<_, _>>().map(Self)
    }

    /// These, and behind them others.
    pub(super) fn before(&self, others: &Self) -> Self {
        Self(self.0.iter().chain(&others.0).cloned().collect())
    }

    /// What puts the stubs before the clients of handlers; `None` where there are none.
    pub(super) fn layer(self) -> Option<ClientLayer> {
        if self.0.is_empty() {
            return None;
        }
        let layer = move |client: Client| client.behind(Asked(self.clone()));
        Some(ClientLayer(Arc::new(layer)))
    }

    /// Where calls were not as expected.
    pub(super) fn problems(&self, scene: &Scene<'_>) -> Vec<Problem> {
        let problems = self.0.iter().filter_map(|stub| {
            let called = stub.called.lock().unwrap_or_else(PoisonError::into_inner);
            let name = format!("`{}.{}`", stub.service, stub.action);
            let shown: Vec<String> = called
                .iter()
                .map(|call| format!("\n    {call:?}"))
                .collect();
            match &stub.calls {
                Calls::None { line } if !called.is_empty() => {
                    let what = format!(
                        "{name} should not have been called, but was, with{}",
                        shown.concat()
                    );
                    Some(scene.problem(*line, what))
                }
                Calls::One { line, request }
                    if !called.iter().any(|call| is_exactly(request, call)) =>
                {
                    let was = match shown.is_empty() {
                        true => "but was not called".to_owned(),
                        false => format!("but was called with{}", shown.concat()),
                    };
                    // A matcher shows as nil here; its line is above.
                    let what = format!(
                        "{name} should have been called with\n    {:?}\n{was}",
                        request.to_value()
                    );
                    Some(scene.problem(*line, what))
                }
                _ => None,
            }
        });
        problems.collect()
    }

    fn find(&self, service: &str, action: &str) -> Option<&Standing> {
        let mut stubs = self.0.iter();
        let found = stubs.find(|stub| stub.service == service && stub.action == action);
        found.map(AsRef::as_ref)
    }
}

impl Standing {
    fn answer(&self, request: ActionRequest) -> ActionResponse {
        let encoding = request.body.encoding();
        if let Ok(body) = request.body.to_value() {
            self.called
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(body);
        }
        if self.errors.is_empty() {
            ActionResponse::new(request.action, Body::encode(encoding, &self.body))
        } else {
            ActionResponse::failed(request.action, self.errors.clone(), encoding)
        }
    }
}

/// The stubs as the outermost middleware of a client.
struct Asked(Stubs);

impl Middleware<ClientStage> for Asked {
    async fn call(
        &self,
        request: ClientRequest,
        next: Next<ClientStage>,
    ) -> Result<JobResponse, ClientError> {
        let is_stubbed =
            |action: &ActionRequest| self.0.find(&request.service, &action.action).is_some();
        if !request.job.actions.iter().any(is_stubbed) {
            return next.run(request).await;
        }
        // An action each, so that stubs and services keep the order of the job.
        let mut response = JobResponse::default();
        for action in request.job.actions.clone() {
            match self.0.find(&request.service, &action.action) {
                Some(stub) => response.actions.push(stub.answer(action)),
                None => {
                    let mut one = request.clone();
                    one.job.actions = vec![action];
                    let answered = next.clone().run(one).await?;
                    if !answered.errors.is_empty() {
                        return Ok(answered);
                    }
                    response.actions.extend(answered.actions);
                }
            }
            let has_failed = response
                .actions
                .last()
                .is_some_and(|action| !action.errors.is_empty());
            if has_failed && !request.job.control.continue_on_error {
                break;
            }
        }
        request.sent.mark();
        response.context.correlation_id = Some(Arc::clone(&request.job.context.correlation_id));
        Ok(response)
    }
}
