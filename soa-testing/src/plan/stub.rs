//! Stubs: the plan's answers to calls of other services.
//!
//! While a case runs, the client of each handler's context asks the stubs first. They answer and record the calls of the
//! actions that the plan stubs. Other calls take their usual routes. Stubs of an action precede those of the case.
//! References in the answers of a case's stub are resolved when the stub is called.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soa_runtime::client::Client;
use soa_runtime::codec::Value;
use soa_runtime::internal::ClientLayer;
use soa_runtime::message::SwitchSet;
use soa_runtime::stub::{self, Stub};
use soa_runtime::text::Plain;
use soa_runtime::transport::Misconfigured;
use soa_runtime::{ActionError, BuildError};

use super::case::{Calls, Fixtures};
use super::compare::is_exactly;
use super::display::cut;
use super::report::Problem;
use super::scene::{Calling, Scene};
use super::subject::Target;
use super::tree::Tree;
use super::written::Written;

/// The stubs of a case or of an action.
#[derive(Debug, Default)]
pub(super) struct Stubs {
    services: stub::Stubs,
    expected: Vec<Expected>,
}

/// A stubbed action, and its expected calls.
#[derive(Debug)]
struct Expected {
    service: String,
    action: String,
    calls: Calls,
    body: Option<Tree>,
    answer: Arc<Mutex<StubAnswer>>,
    stub: Stub,
}

/// The answer of a stubbed action without errors.
#[derive(Debug)]
struct StubAnswer {
    /// The body at present. A reference in it may be to the response of a later action.
    body: Result<Tree, Problem>,
    /// The reference that was unknown when the stub was called.
    unknown: Option<Problem>,
}

impl Default for StubAnswer {
    fn default() -> Self {
        Self {
            body: Ok(Tree::default()),
            unknown: None,
        }
    }
}

impl StubAnswer {
    fn give(&mut self) -> Result<Value, ActionError> {
        match &self.body {
            Ok(body) => Ok(body.to_value()),
            Err(problem) => {
                let error = ActionError::server("UNKNOWN_REFERENCE", problem.what().to_owned());
                self.unknown = Some(problem.clone());
                Err(error)
            }
        }
    }

    /// Reads the given answer, as far as its lines name no type.
    fn read(&self, given: Value, read: impl FnOnce(Value) -> Value) -> Value {
        match &self.body {
            Ok(body) => Written::new(body).read(read),
            Err(_) => given,
        }
    }
}

fn locked(answer: &Mutex<StubAnswer>) -> MutexGuard<'_, StubAnswer> {
    // Nothing panics while it is locked, so a poisoned answer is valid.
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stubs {
    /// Creates the stubs of a case or of an action. [`Stubs::look_up`] sets their answers.
    ///
    /// The answers are read by the type that a typed caller expects. For an untyped caller, only the types of the tested
    /// service are known.
    pub(super) fn new(fixtures: &Fixtures, target: &Target) -> Self {
        let mut services: BTreeMap<&str, Stub> = BTreeMap::new();
        let mut expected = Vec::new();
        for ((service, action), spec) in &fixtures.stubs {
            let answer = Arc::new(Mutex::new(StubAnswer::default()));
            let errors = spec.errors.clone();
            let stub = services.remove(&**service);
            let stub = stub.unwrap_or_else(|| without_route(service));
            let of_stub = Arc::clone(&answer);
            let stub = stub.on_action(action.clone(), move |_| match errors.is_empty() {
                true => locked(&of_stub).give(),
                false => Err(ActionError::from_errors(errors.clone())),
            });
            let own = match target {
                Target::Local(server) if server.name() == service => {
                    server.response_schema(action, &SwitchSet::new())
                }
                _ => None,
            };
            let of_stub = Arc::clone(&answer);
            let stub = stub.reading(action, move |given, reader| match (reader, &own) {
                (Some(reader), _) => locked(&of_stub).read(given, reader.misfits),
                (None, Some(own)) => {
                    locked(&of_stub).read(given, |body| Plain::from_value(body).read_misfits(own))
                }
                (None, None) => given,
            });
            expected.push(Expected {
                service: service.clone(),
                action: action.clone(),
                calls: spec.calls.clone(),
                body: spec.body.clone(),
                answer,
                stub: stub.clone(),
            });
            services.insert(service, stub);
        }
        let services = services.into_iter();
        Self {
            services: services.fold(stub::Stubs::new(), |all, (service, stub)| {
                all.service(service.to_owned(), stub)
            }),
            expected,
        }
    }

    /// Resolves the references in the answers, as far as the responses exist.
    ///
    /// # Errors
    /// If a reference is unknown: the first one. Its stub fails when it is called.
    pub(super) fn look_up(&self, scene: &Scene<'_>) -> Result<(), Problem> {
        let mut first = Ok(());
        for expected in &self.expected {
            let Some(body) = &expected.body else { continue };
            let body = scene.resolve(body);
            if let (Ok(()), Err(problem)) = (&first, &body) {
                first = Err(problem.clone());
            }
            locked(&expected.answer).body = body;
        }
        first
    }

    /// Returns a layer that puts these stubs, and after them others, before the clients of handlers; `None` if there are no
    /// stubs.
    pub(super) fn layer(&self, others: &Self) -> Option<ClientLayer> {
        if self.expected.is_empty() && others.expected.is_empty() {
            return None;
        }
        let (inner, outer) = (others.services.clone(), self.services.clone());
        let layer = move |client: Client| outer.over(&inner.over(&client));
        Some(ClientLayer(Arc::new(layer)))
    }

    /// Returns the expectations of calls that do not hold.
    pub(super) fn problems(&self, scene: &Scene<'_>, calling: Calling) -> Vec<Problem> {
        let mut problems = Vec::new();
        for expected in &self.expected {
            if let Some(problem) = locked(&expected.answer).unknown.take() {
                let before = "the stub was called before the value existed that it refers to";
                let what = format!("{before}: {}", problem.what());
                problems.push(scene.problem(problem.line(), what));
            }
            problems.extend(expected.problem(scene, calling));
        }
        problems
    }
}

impl Expected {
    /// Returns the expectation of calls, if it does not hold.
    fn problem(&self, scene: &Scene<'_>, calling: Calling) -> Option<Problem> {
        let called = self.stub.calls_of(&self.action);
        let name = format!("`{}.{}`", self.service, self.action);
        let shown: Vec<String> = called
            .iter()
            .map(|call| format!("\n    {}", cut(call)))
            .collect();
        match &self.calls {
            Calls::None { line } if !called.is_empty() => {
                let what = format!(
                    "{name} should not have been called, but was called with{}",
                    shown.concat()
                );
                Some(scene.problem(*line, what))
            }
            Calls::One { .. } if called.is_empty() && calling == Calling::GoesOn => None,
            Calls::One { line, request } => {
                let request = match scene.resolve(request) {
                    Ok(request) => request,
                    // The response may still come.
                    Err(_) if calling == Calling::GoesOn => return None,
                    Err(problem) => return Some(problem),
                };
                if called.iter().any(|call| is_exactly(&request, call)) {
                    return None;
                }
                let was = match shown.is_empty() {
                    true => "but was not called".to_owned(),
                    false => format!("but was called with{}", shown.concat()),
                };
                // A matcher is shown as nil here, but its line is part of the problem.
                let what = format!(
                    "{name} should have been called with\n    {:?}\n{was}",
                    request.to_value()
                );
                Some(scene.problem(*line, what))
            }
            _ => None,
        }
    }
}

/// Creates a stub whose other actions fail: they are called only if the client has no route to the service.
fn without_route(service: &str) -> Stub {
    let message = format!(
        "the plan does not stub this action of service `{service}`, and the client has no route to the service"
    );
    Stub::new().otherwise(Misconfigured::new(BuildError::new(message)))
}
