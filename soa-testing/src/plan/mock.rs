//! What stands in for a dependency of a service while a case runs.
//!
//! In Python a `mock:` line patches whatever the path names. Nothing can be patched here, so a service says itself what
//! a target is: it is built with a stand-in for the dependency (a database, a source of random numbers), which asks a
//! [`Mock`] for each answer. The lines are the same, and so is what they mean: `return_value` for every call,
//! `side_effect` for one call each, `exception NAME` for an error, `delete` for an attribute that is not there, `expect
//! called` for the calls. A case that mocks a target that nobody stands in for fails, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::case::{Fixtures, MockCalls, MockSpec, MockValue};
use super::matcher::same;
use super::report::{Problem, cut};
use super::run::{Calling, Scene};
use super::tree::{Leaf, Path, Tree};
use super::typed::Typed;
use soa_runtime::codec::{Map, Value};

/// The mocks of the case that runs. Clones are the same; the service under test is built with one.
///
/// They are one case's at a time: cases that are run at the same time wait for each other.
#[derive(Clone, Default)]
pub struct Mocks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Held by the case that runs.
    turn: tokio::sync::Mutex<()>,
}

/// While this lives, the mocks are those of one case. They end with it.
pub(super) struct Turn<'a> {
    mocks: &'a Mocks,
    _turn: Option<tokio::sync::MutexGuard<'a, ()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.mocks.state();
        state.of_case.clear();
        state.of_action.clear();
    }
}

#[derive(Default)]
struct State {
    /// The targets that something stands in for.
    known: BTreeSet<String>,
    /// Those of the case.
    of_case: BTreeMap<String, Playing>,
    /// Those of the action that runs, which count first.
    of_action: BTreeMap<String, Playing>,
}

/// A target while it is mocked.
struct Playing {
    spec: MockSpec,
    calls: Vec<Call>,
}

struct Call {
    path: String,
    arguments: Value,
    named: Value,
}

/// One target of mocks, as `mock:` lines name it.
#[derive(Clone)]
pub struct Mock {
    mocks: Mocks,
    target: String,
}

/// Why a mock has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MockError {
    /// The plan says `exception NAME`: the name as it is written there.
    Raised(String),
    /// The plan says `delete`.
    Deleted(String),
    /// All of the plan's `side_effect` lines were used by earlier calls.
    Exhausted(String),
    /// The case that runs does not mock this target: use the real one.
    NotMocked(String),
}

impl fmt::Display for MockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised(name) => write!(f, "the plan raises {name}"),
            Self::Deleted(path) => write!(f, "the plan has deleted `{path}`"),
            Self::Exhausted(path) => write!(
                f,
                "the plan has no `{path}.side_effect` for this call any more"
            ),
            Self::NotMocked(target) => write!(f, "this case does not mock `{target}`"),
        }
    }
}

impl std::error::Error for MockError {}

impl Mocks {
    /// What stands in for a target. Plans may mock this target from now on.
    pub fn target(&self, name: impl Into<String>) -> Mock {
        let target = name.into();
        self.state().known.insert(target.clone());
        Mock {
            mocks: self.clone(),
            target,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes of the state, so it is whole even when poisoned.
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other case has the mocks.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // Nobody asks where there are no targets, so cases may run at the same time.
        let is_asked = !self.state().known.is_empty();
        let turn = match is_asked {
            true => Some(self.0.turn.lock().await),
            false => None,
        };
        Turn {
            mocks: self,
            _turn: turn,
        }
    }

    pub(super) fn start_case(&self, fixtures: &Fixtures, scene: &Scene<'_>) -> Result<(), Problem> {
        let mut state = self.state();
        state.of_case = state.start(fixtures, scene)?;
        Ok(())
    }

    pub(super) fn start_action(
        &self,
        fixtures: &Fixtures,
        scene: &Scene<'_>,
    ) -> Result<(), Problem> {
        let mut state = self.state();
        state.of_action = state.start(fixtures, scene)?;
        Ok(())
    }

    /// Ends the mocks of an action, and tells where their calls were not as expected.
    pub(super) fn end_action(&self, scene: &Scene<'_>) -> Vec<Problem> {
        let playing = std::mem::take(&mut self.state().of_action);
        problems(&playing, scene, Calling::IsOver)
    }

    /// The same of a case, which an action may have ended before all was called.
    pub(super) fn end_case(&self, scene: &Scene<'_>, calling: Calling) -> Vec<Problem> {
        let playing = std::mem::take(&mut self.state().of_case);
        problems(&playing, scene, calling)
    }
}

impl State {
    fn start(
        &self,
        fixtures: &Fixtures,
        scene: &Scene<'_>,
    ) -> Result<BTreeMap<String, Playing>, Problem> {
        let playing = fixtures.mocks.iter().map(|(target, spec)| {
            if !self.known.contains(target) {
                let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
                let what = format!(
                    "nothing of this service stands in for `{target}`: build the service with \
                     `mocks.target(\"{target}\")` in place of what it depends on (known here: [{}])",
                    known.join(", ")
                );
                return Err(scene.problem(spec.line, what));
            }
            let playing = Playing {
                spec: spec.clone(),
                calls: Vec::new(),
            };
            Ok((target.clone(), playing))
        });
        playing.collect()
    }

    fn playing(&mut self, target: &str) -> Option<&mut Playing> {
        let of_case = self.of_case.get_mut(target);
        self.of_action.get_mut(target).or(of_case)
    }
}

impl Mock {
    /// Whether the case that runs mocks this target. A stand-in that is also used by other cases asks this, and does
    /// the real thing otherwise.
    pub fn is_mocked(&self) -> bool {
        self.mocks.state().playing(&self.target).is_some()
    }

    /// Calls the target itself (with the path `""`) or one of its attributes, and records the call.
    ///
    /// The answer is what the plan's `return_value` or next `side_effect` line for this path says; a map of the
    /// attributes that it gives to the returned object; else nil.
    ///
    /// # Errors
    /// See [`MockError`].
    pub fn call(
        &self,
        path: &str,
        arguments: impl IntoIterator<Item = Value>,
        named: Map,
    ) -> Result<Value, MockError> {
        // Before the lock is taken: what makes the arguments may call another mock.
        let arguments = arguments.into_iter().collect();
        let mut state = self.mocks.state();
        let playing = state.playing(&self.target);
        let playing = playing.ok_or_else(|| MockError::NotMocked(self.target.clone()))?;
        playing.spec.check(path)?;
        let earlier = playing
            .calls
            .iter()
            .filter(|call| call.path == path)
            .count();
        playing.calls.push(Call {
            path: path.to_owned(),
            arguments,
            named: Value::Map(named),
        });
        if let Some(effects) = playing.spec.attributes.get(&join(path, "side_effect")) {
            // A single exception is a list of one, too: it is raised once.
            return match effects.get(earlier) {
                Some(effect) => effect.answer(path),
                None => Err(MockError::Exhausted(path.to_owned())),
            };
        }
        playing.spec.attribute(&join(path, "return_value"))
    }

    /// The value that the plan gives to an attribute: a JSON value, a map of what is below it, else nil.
    ///
    /// # Errors
    /// An attribute that the plan deletes; a target that it does not mock.
    pub fn attribute(&self, path: &str) -> Result<Value, MockError> {
        let mut state = self.mocks.state();
        let playing = state.playing(&self.target);
        let playing = playing.ok_or_else(|| MockError::NotMocked(self.target.clone()))?;
        playing.spec.check(path)?;
        playing.spec.attribute(path)
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

impl MockValue {
    fn answer(&self, path: &str) -> Result<Value, MockError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Raise(name) => Err(MockError::Raised(name.clone())),
            Self::Delete => Err(MockError::Deleted(path.to_owned())),
        }
    }
}

impl MockSpec {
    /// Fails where the plan has deleted a path, or one above it.
    fn check(&self, path: &str) -> Result<(), MockError> {
        let mut deleted = self.attributes.iter().filter_map(|(attribute, values)| {
            matches!(values.as_slice(), [.., MockValue::Delete]).then_some(attribute)
        });
        let is_below = |attribute: &&String| {
            let rest = path.strip_prefix(attribute.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match deleted.find(is_below) {
            Some(attribute) => Err(MockError::Deleted(attribute.clone())),
            None => Ok(()),
        }
    }

    fn attribute(&self, path: &str) -> Result<Value, MockError> {
        if let Some([.., value]) = self.attributes.get(path).map(Vec::as_slice) {
            return value.answer(path);
        }
        let mut below = Tree::default();
        for (attribute, values) in &self.attributes {
            let Some(name) = attribute
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix('.'))
            else {
                continue;
            };
            if let [.., MockValue::Value(value)] = values.as_slice()
                && let Ok(path) = Path::parse(name)
            {
                let typed = Typed::Value(value.clone());
                // What contradicts an earlier line has no place of its own.
                let _ = below.put(
                    &path,
                    Leaf {
                        line: self.line,
                        typed,
                    },
                );
            }
        }
        Ok(if below.is_empty() {
            Value::Nil
        } else {
            below.to_value()
        })
    }
}

fn problems(
    playing: &BTreeMap<String, Playing>,
    scene: &Scene<'_>,
    calling: Calling,
) -> Vec<Problem> {
    let mut found = Vec::new();
    for (target, playing) in playing {
        for (path, expected) in &playing.spec.expected {
            let name = join(target, path);
            let name = name.trim_end_matches('.');
            let calls: Vec<&Call> = playing
                .calls
                .iter()
                .filter(|call| call.path == *path)
                .collect();
            match expected {
                MockCalls::None { line } if !calls.is_empty() => {
                    let what = format!(
                        "`{name}` should not have been called, but was, {} times",
                        calls.len()
                    );
                    found.push(scene.problem(*line, what));
                }
                MockCalls::None { .. } => {}
                MockCalls::These(expected) => {
                    for (at, (line, arguments, named)) in expected.iter().enumerate() {
                        let call = calls.get(at);
                        if call.is_none() && calling == Calling::GoesOn {
                            break;
                        }
                        let is_it = call.is_some_and(|call| {
                            matches(arguments, &call.arguments) && matches(named, &call.named)
                        });
                        if !is_it {
                            let was = call.map_or_else(
                                || "there was none".to_owned(),
                                |call| {
                                    format!("was [{}, {}]", cut(&call.arguments), cut(&call.named))
                                },
                            );
                            let what = format!(
                                "call {} of `{name}` should have been [{arguments:?}, {named:?}], but {was}",
                                at + 1
                            );
                            found.push(scene.problem(*line, what));
                        }
                    }
                    if let (Some((line, ..)), true) =
                        (expected.last(), calls.len() > expected.len())
                    {
                        let what = format!(
                            "`{name}` should have been called {} times, but was {}",
                            expected.len(),
                            calls.len()
                        );
                        found.push(scene.problem(*line, what));
                    }
                }
            }
        }
    }
    found
}

/// Whether an argument is as expected; `{"mock.ANY": true}` stands for anything.
fn matches(expected: &Value, actual: &Value) -> bool {
    let is_any = |map: &Map| map.len() == 1 && map.get("mock.ANY") == Some(&Value::Bool(true));
    match (expected, actual) {
        (Value::Map(map), _) if is_any(map) => true,
        (Value::Map(expected), Value::Map(actual)) => {
            expected.len() == actual.len()
                && expected.iter().all(|(key, expected)| {
                    let mut pairs = actual.iter();
                    pairs.any(|(other, actual)| same(key, other) && matches(expected, actual))
                })
        }
        (Value::List(expected), Value::List(actual)) => {
            expected.len() == actual.len()
                && expected
                    .iter()
                    .zip(actual)
                    .all(|(expected, actual)| matches(expected, actual))
        }
        (expected, actual) => same(expected, actual),
    }
}

impl fmt::Debug for Mocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mocks")
            .field("known", &self.state().known)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use soa_runtime::ActionError;
    use soa_runtime::Context;
    use soa_runtime::server::Server;
    use soa_runtime::testing::plan::{Case, Plan, Subject};
    use soa_runtime::value;

    /// Mocks, and what is built with their targets `left` and `right`: an action `ask` that is answered by this
    /// function of them, after other tasks had their turn.
    fn asking(
        ask: impl Fn(&Mock, &Mock) -> Result<Value, MockError> + Send + Sync + 'static,
    ) -> (Mocks, Subject) {
        let mocks = Mocks::default();
        let targets = Arc::new((ask, mocks.target("left"), mocks.target("right")));
        let server =
            Server::untyped("asker", "1.0.0").action("ask", move |_: Value, _: Context| {
                let targets = Arc::clone(&targets);
                async move {
                    tokio::task::yield_now().await;
                    let (ask, left, right) = &*targets;
                    ask(left, right).map_err(ActionError::internal)
                }
            });
        let subject = Subject::service(server).unwrap().mocks(&mocks);
        (mocks, subject)
    }

    /// The case of these lines.
    fn case(lines: &str) -> Case {
        let text = format!("test name: asks\ntest description: Asks the mocks\n{lines}");
        let plan = Plan::parse("asks.pysoa", &text).unwrap();
        plan.cases()[0].clone()
    }

    fn ask_left(left: &Mock, _: &Mock) -> Result<Value, MockError> {
        Ok(value!({"said": (left.call("", [], Map::new())?)}))
    }

    #[tokio::test]
    async fn an_exception_is_raised_once_for_each_line() {
        let lines = "mock: left: save.side_effect: exception ValueError\nask: expect: no errors";
        let (_, subject) = asking(|left, _| {
            let mut calls = (0..3).map(|_| left.call("save", [], Map::new()).unwrap_err());
            assert_eq!(
                calls.next(),
                Some(MockError::Raised("ValueError".to_owned()))
            );
            assert!(calls.all(|error| error == MockError::Exhausted("save".to_owned())));
            Ok(value!({}))
        });
        case(lines).run(&subject).await.unwrap();
    }

    #[tokio::test]
    async fn an_argument_may_come_from_another_mock() {
        let lines = "mock: left: return_value: 1\nmock: right: return_value: 2\n\
                     mock: left: expect called: [[2], {}]\nask: expect: no errors";
        let (_, subject) = asking(|left, right| {
            let arguments = std::iter::once_with(|| right.call("", [], Map::new()).unwrap());
            left.call("", arguments, Map::new())?;
            Ok(value!({}))
        });
        case(lines).run(&subject).await.unwrap();
    }
    #[tokio::test]
    async fn the_mocks_of_a_case_end_with_it_however_it_ends() {
        let (mocks, subject) = asking(ask_left);
        let left = mocks.target("left");
        let fails = case("mock: left: return_value: 1\nask: expect none: attribute value: said");
        fails.run(&subject).await.unwrap_err();
        assert!(!left.is_mocked());
        let fails = case("ask: mock: left: return_value: 1\nask: input: is: [[nothing]]");
        fails.run(&subject).await.unwrap_err();
        assert!(!left.is_mocked());
        let given_up = case("mock: left: return_value: 1\nask: expect: no errors");
        tokio::select! {
            biased;
            _ = given_up.run(&subject) => panic!("the action waits once"),
            () = async { assert!(left.is_mocked()) } => {}
        }
        assert!(!left.is_mocked());
    }

    #[tokio::test]
    async fn cases_with_the_same_mocks_wait_for_each_other() {
        let (_, subject) = asking(ask_left);
        let says = |number| {
            case(&format!(
                "mock: left: return_value: {number}\nask: expect int: attribute value: said: {number}"
            ))
        };
        let (one, two, other) = (says(1), says(2), subject.clone());
        let (one, two) = tokio::join!(one.run(&subject), two.run(&other));
        one.unwrap();
        two.unwrap();
    }
}
