//! Calls of other services, answered by the plan.
//!
//! While a case runs, stubs stand before the services of every client that a handler gets by its context: what they have,
//! they answer and record; everything else goes where it would have gone. Stubs of an action stand before those of the
//! case, which answer with what is known when they are called.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::case::{Calls, Fixtures};
use super::compare::is_exactly;
use super::report::{Problem, cut};
use super::run::{Calling, Scene};
use super::tree::Tree;
use soa_runtime::client::Client;
use soa_runtime::codec::{Map, Value};
use soa_runtime::internal::ClientLayer;
use soa_runtime::stub::{self, Stub};
use soa_runtime::transport::Misconfigured;
use soa_runtime::{ActionError, BuildError};

/// The stubs of a case or of an action.
#[derive(Debug, Default)]
pub(super) struct Stubs {
    services: stub::Stubs,
    expected: Vec<Expected>,
}

/// Which calls of an action are expected.
#[derive(Debug)]
struct Expected {
    service: String,
    action: String,
    calls: Calls,
    body: Option<Tree>,
    answer: Arc<Mutex<Answer>>,
    stub: Stub,
}

/// What a stub answers that has no errors to answer.
#[derive(Debug)]
struct Answer {
    /// As it is by now: what it refers to may come with a later action.
    body: Result<Value, Problem>,
    /// What was not there when the stub was called.
    lacked: Option<Problem>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            body: Ok(Value::Map(Map::new())),
            lacked: None,
        }
    }
}

impl Answer {
    fn give(&mut self) -> Result<Value, ActionError> {
        self.body.clone().map_err(|problem| {
            let error = ActionError::server("UNKNOWN_REFERENCE", problem.what().to_owned());
            self.lacked = Some(problem);
            error
        })
    }
}

fn locked(answer: &Mutex<Answer>) -> MutexGuard<'_, Answer> {
    // Nothing panics between two changes of it, so it is whole even when poisoned.
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stubs {
    /// Those of a case or of an action. What they answer is there with [`Stubs::look_up`].
    pub(super) fn new(fixtures: &Fixtures) -> Self {
        let mut services: BTreeMap<&str, Stub> = BTreeMap::new();
        let mut expected = Vec::new();
        for ((service, action), spec) in &fixtures.stubs {
            let answer = Arc::new(Mutex::new(Answer::default()));
            let errors = spec.errors.clone();
            let stub = services.remove(&**service);
            let stub = stub.unwrap_or_else(|| alone(service));
            let of_stub = Arc::clone(&answer);
            let stub = stub.on_action(action.clone(), move |_| match errors.is_empty() {
                true => locked(&of_stub).give(),
                false => Err(ActionError::from_errors(errors.clone())),
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

    /// Looks up what the stubs answer, as far as it is there.
    ///
    /// # Errors
    /// The first reference to nothing; the stub that has it fails when it is called.
    pub(super) fn look_up(&self, scene: &Scene<'_>) -> Result<(), Problem> {
        let mut first = Ok(());
        for expected in &self.expected {
            let Some(body) = &expected.body else { continue };
            let body = scene.resolve(body).map(|body| body.to_value());
            if let (Ok(()), Err(problem)) = (&first, &body) {
                first = Err(problem.clone());
            }
            locked(&expected.answer).body = body;
        }
        first
    }

    /// What puts these, and behind them others, before the clients of handlers; `None` where there are none.
    pub(super) fn layer(&self, others: &Self) -> Option<ClientLayer> {
        if self.expected.is_empty() && others.expected.is_empty() {
            return None;
        }
        let (inner, outer) = (others.services.clone(), self.services.clone());
        let layer = move |client: Client| outer.over(&inner.over(&client));
        Some(ClientLayer(Arc::new(layer)))
    }

    /// Where calls were not as expected.
    pub(super) fn problems(&self, scene: &Scene<'_>, calling: Calling) -> Vec<Problem> {
        let mut problems = Vec::new();
        for expected in &self.expected {
            if let Some(problem) = locked(&expected.answer).lacked.take() {
                let before = "this was called before what it refers to was there";
                let what = format!("{before}: {}", problem.what());
                problems.push(scene.problem(problem.line(), what));
            }
            problems.extend(expected.problem(scene, calling));
        }
        problems
    }
}

impl Expected {
    /// How calls were not as expected.
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
                    "{name} should not have been called, but was, with{}",
                    shown.concat()
                );
                Some(scene.problem(*line, what))
            }
            Calls::One { .. } if called.is_empty() && calling == Calling::GoesOn => None,
            Calls::One { line, request } => {
                let request = match scene.resolve(request) {
                    Ok(request) => request,
                    // It may still come.
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
                // A matcher shows as nil here; its line is above.
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

/// A stub of a service that clients may have no route to.
fn alone(service: &str) -> Stub {
    let message = format!(
        "the plan does not stub this action of service `{service}`, and the caller has no route to it"
    );
    Stub::new().otherwise(Misconfigured::new(BuildError::new(message)))
}

#[cfg(test)]
mod tests {
    use soa_runtime::ActionError;
    use soa_runtime::Context;
    use soa_runtime::codec::Value;
    use soa_runtime::server::Server;
    use soa_runtime::testing::plan::{Failure, Plan, Subject};

    /// Runs a case of these lines. `echo` answers with its request, `forward` with what `examiner.magnify` answers to it.
    async fn run(lines: &str) -> Result<(), Failure> {
        let server = Server::untyped("forwarder", "1.0.0")
            .action("echo", |body: Value, _: Context| async {
                Ok::<_, ActionError>(body)
            })
            .action("forward", |body: Value, cx: Context| async move {
                let answer = cx.soa_client().call_action("examiner", "magnify", &body);
                let answer: Result<Value, _> = answer.await;
                answer.map_err(|error| ActionError::from_errors(error.errors().to_vec()))
            });
        let subject = Subject::service(server).unwrap();
        let text = format!("test name: forwards\ntest description: Calls a stub\n{lines}");
        let plan = Plan::parse("forwards.pysoa", &text).unwrap();
        plan.cases()[0].run(&subject).await
    }

    #[tokio::test]
    async fn a_stub_of_a_case_knows_what_came_before_its_call() {
        let lines = "stub action: examiner: magnify: body: n: [[ECHO.n]]\n\
                     stub action: examiner: magnify: expect called str: of: [[ECHO.n]]\n\
                     echo: input: n: five\n\
                     forward: input: of: [[ECHO.n]]\n\
                     forward: expect: attribute value: n: five";
        run(lines).await.unwrap();
    }

    #[tokio::test]
    async fn a_stub_that_is_called_before_what_it_refers_to_is_told() {
        let lines = "stub action: examiner: magnify: body: n: [[ECHO.n]]\n\
                     forward: expect: error: code=UNKNOWN_REFERENCE\n\
                     echo: input: n: five";
        let failure = run(lines).await.unwrap_err().to_string();
        let told = "line 3: stub action: examiner: magnify: body: n: [[ECHO.n]]\n    \
                    this was called before what it refers to was there: `[[ECHO.n]]` is nothing";
        assert!(failure.contains(told), "{failure}");
    }
}
