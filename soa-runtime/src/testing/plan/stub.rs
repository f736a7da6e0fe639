//! Calls of other services, answered by the plan.
//!
//! While a case runs, stubs stand before the services of every client that a handler gets by its context: what they have,
//! they answer and record; everything else goes where it would have gone. Stubs of an action stand before those of the
//! case.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::case::{Calls, Fixtures};
use super::compare::is_exactly;
use super::report::{Problem, cut};
use super::run::{Calling, Scene};
use crate::client::Client;
use crate::codec::{Map, Value};
use crate::context::ClientLayer;
use crate::error::{ActionError, BuildError};
use crate::testing::{self, Stub};
use crate::transport::Misconfigured;

/// The stubs of a case or of an action.
#[derive(Debug, Default)]
pub(super) struct Stubs {
    services: testing::Stubs,
    expected: Vec<Expected>,
}

/// Which calls of an action are expected.
#[derive(Debug)]
struct Expected {
    service: String,
    action: String,
    calls: Calls,
    stub: Stub,
}

impl Stubs {
    pub(super) fn start(fixtures: &Fixtures, scene: &Scene<'_>) -> Result<Self, Problem> {
        let mut services: BTreeMap<&str, Stub> = BTreeMap::new();
        let mut expected = Vec::new();
        for ((service, action), spec) in &fixtures.stubs {
            let body = match &spec.body {
                Some(body) => scene.resolve(body)?.to_value(),
                None => Value::Map(Map::new()),
            };
            let calls = match &spec.calls {
                Calls::One { line, request } => Calls::One {
                    line: *line,
                    request: scene.resolve(request)?,
                },
                calls => calls.clone(),
            };
            let errors = spec.errors.clone();
            let stub = services.remove(&**service);
            let stub = stub.unwrap_or_else(|| alone(service));
            let stub = stub.on_action(action.clone(), move |_| match errors.is_empty() {
                true => Ok(body.clone()),
                false => Err(ActionError::from_errors(errors.clone())),
            });
            expected.push(Expected {
                service: service.clone(),
                action: action.clone(),
                calls,
                stub: stub.clone(),
            });
            services.insert(service, stub);
        }
        let services = services.into_iter();
        Ok(Self {
            services: services.fold(testing::Stubs::new(), |all, (service, stub)| {
                all.service(service.to_owned(), stub)
            }),
            expected,
        })
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
        let problems = self.expected.iter().filter_map(|expected| {
            let called = expected.stub.calls_of(&expected.action);
            let name = format!("`{}.{}`", expected.service, expected.action);
            let shown: Vec<String> = called
                .iter()
                .map(|call| format!("\n    {}", cut(call)))
                .collect();
            match &expected.calls {
                Calls::None { line } if !called.is_empty() => {
                    let what = format!(
                        "{name} should not have been called, but was, with{}",
                        shown.concat()
                    );
                    Some(scene.problem(*line, what))
                }
                Calls::One { .. } if called.is_empty() && calling == Calling::GoesOn => None,
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
}

/// A stub of a service that clients may have no route to.
fn alone(service: &str) -> Stub {
    let message = format!(
        "the plan does not stub this action of service `{service}`, and the caller has no route to it"
    );
    Stub::new().otherwise(Misconfigured::new(BuildError::new(message)))
}
