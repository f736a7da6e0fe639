//! Mocks: the plan's answers for the dependencies of a service.
//!
//! In Python, a `mock:` line patches the object that its path names. Rust code cannot be patched. Instead, the service is
//! built with a stand-in for a dependency (a database, a source of random numbers), and the stand-in asks a [`Mock`] for
//! each answer. The lines have the same meaning: `return_value` is the answer of every call, each `side_effect` that of
//! one call, `exception NAME` an error, `delete` an attribute that does not exist, and `expect called` an expected call.
//! A case that mocks a target without a stand-in fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soa_runtime::codec::{Map, Value};

use super::case::{Fixtures, MockCalls, MockSpec, MockValue};
use super::display::cut;
use super::matcher::same;
use super::path::Path;
use super::report::Problem;
use super::scene::{Calling, Scene};
use super::tree::{Leaf, Tree};
use super::typed::Typed;

/// The mocks of the case that runs. The service under test is built with a clone; all clones are the same.
///
/// They belong to one case at a time: other cases with the same mocks wait.
///
/// ```
/// use soa::testing::plan::{Mocks, Plan, Subject};
/// use soa::{ActionError, Context, Map, Server, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mocks = Mocks::default();
/// let dice = mocks.target("dice");
/// let server = Server::untyped("table", "1.0.0").action("roll", move |_: Value, _cx: Context| {
///     let rolled = dice.call("randint", [value!(1), value!(6)], Map::new());
///     async move { rolled.map(|rolled| value!({ "rolled": rolled })).map_err(ActionError::internal) }
/// });
/// let subject = Subject::service(server)?.mocks(&mocks);
/// let plan = Plan::parse("table.pysoa", "\
/// test name: rolls
/// test description: The dice are loaded
/// roll: mock: dice: randint.return_value: 4
/// roll: mock: dice: expect called randint: [[1, 6], {}]
/// roll: expect int: attribute value: rolled: 4
/// ")?;
/// plan.cases()[0].run(&subject).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Mocks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Locked by the case that runs.
    turn: tokio::sync::Mutex<()>,
}

/// A guard: while it lives, the mocks belong to one case. They end when it is dropped.
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
    /// The targets with a stand-in.
    known: BTreeSet<String>,
    /// The mocked targets of the case.
    of_case: BTreeMap<String, MockedTarget>,
    /// The mocked targets of the action that runs. They precede those of the case.
    of_action: BTreeMap<String, MockedTarget>,
}

/// A target while it is mocked, with its calls so far.
struct MockedTarget {
    spec: MockSpec,
    calls: Vec<Call>,
}

/// One call of a target or of an attribute.
struct Call {
    path: String,
    arguments: Value,
    named: Value,
}

/// One target of mocks, as `mock:` lines name it. Made by [`Mocks::target`].
#[derive(Clone)]
pub struct Mock {
    mocks: Mocks,
    target: String,
}

/// The reason why a mock has no answer.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MockError {
    /// The plan raises an exception (`exception NAME`), with this name.
    Raised(String),
    /// The plan deletes the attribute with this path (`delete`).
    Deleted(String),
    /// Earlier calls have used all `side_effect` lines of this path.
    Exhausted(String),
    /// The case that runs does not mock this target. Use the real dependency.
    NotMocked(String),
}

impl fmt::Display for MockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised(name) => write!(f, "the plan raises {name}"),
            Self::Deleted(path) => write!(f, "the plan deletes `{path}`"),
            Self::Exhausted(path) => {
                write!(f, "the plan has no further `{path}.side_effect`")
            }
            Self::NotMocked(target) => write!(f, "this case does not mock `{target}`"),
        }
    }
}

impl std::error::Error for MockError {}

soa_runtime::internal::debug_as_text!(MockError);

impl Mocks {
    /// Returns the mock of a target, for a stand-in. From now on, plans may mock this target.
    pub fn target(&self, name: impl Into<String>) -> Mock {
        let target = name.into();
        self.state().known.insert(target.clone());
        Mock {
            mocks: self.clone(),
            target,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is locked, so a poisoned state is valid.
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other case has the mocks.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // Without targets there is nothing to mock, so cases may run at the same time.
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

    /// Ends the mocks of an action. Returns the expectations of calls that do not hold.
    pub(super) fn end_action(&self, scene: &Scene<'_>) -> Vec<Problem> {
        let targets = std::mem::take(&mut self.state().of_action);
        problems(&targets, scene, Calling::IsOver)
    }

    /// Ends the mocks of a case, which may have failed before all calls were made. Returns the expectations of calls that
    /// do not hold.
    pub(super) fn end_case(&self, scene: &Scene<'_>, calling: Calling) -> Vec<Problem> {
        let targets = std::mem::take(&mut self.state().of_case);
        problems(&targets, scene, calling)
    }
}

impl State {
    fn start(
        &self,
        fixtures: &Fixtures,
        scene: &Scene<'_>,
    ) -> Result<BTreeMap<String, MockedTarget>, Problem> {
        let targets = fixtures.mocks.iter().map(|(target, spec)| {
            if !self.known.contains(target) {
                let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
                let what = format!(
                    "the service has no stand-in for `{target}`; build it with \
                     `mocks.target(\"{target}\")` in place of the dependency (stand-ins: [{}])",
                    known.join(", ")
                );
                return Err(scene.problem(spec.line, what));
            }
            let mocked = MockedTarget {
                spec: spec.clone(),
                calls: Vec::new(),
            };
            Ok((target.clone(), mocked))
        });
        targets.collect()
    }

    fn mocked(&mut self, target: &str) -> Option<&mut MockedTarget> {
        let of_case = self.of_case.get_mut(target);
        self.of_action.get_mut(target).or(of_case)
    }
}

impl Mock {
    /// Returns true if the case that runs mocks this target. If not, a stand-in should use the real dependency.
    pub fn is_mocked(&self) -> bool {
        self.mocks.state().mocked(&self.target).is_some()
    }

    /// Calls the target itself (path `""`) or one of its attributes, and records the call.
    ///
    /// Returns the value of the plan's `return_value` or next `side_effect` for this path. If the plan sets attributes of
    /// the returned object, returns a map of them. Otherwise returns nil.
    ///
    /// # Errors
    /// If the plan raises an exception, has deleted the attribute, has no further `side_effect`, or does not mock the
    /// target.
    pub fn call(
        &self,
        path: &str,
        arguments: impl IntoIterator<Item = Value>,
        named: Map,
    ) -> Result<Value, MockError> {
        // Before the state is locked: the iterator may call another mock.
        let arguments = arguments.into_iter().collect();
        let mut state = self.mocks.state();
        let mocked = state.mocked(&self.target);
        let mocked = mocked.ok_or_else(|| MockError::NotMocked(self.target.clone()))?;
        mocked.spec.check(path)?;
        let earlier = mocked.calls.iter().filter(|call| call.path == path).count();
        mocked.calls.push(Call {
            path: path.to_owned(),
            arguments,
            named: Value::Map(named),
        });
        if let Some(effects) = mocked.spec.attributes.get(&join(path, "side_effect")) {
            // Also if there is only one exception, it is raised once.
            return match effects.get(earlier) {
                Some(effect) => effect.answer(path),
                None => Err(MockError::Exhausted(path.to_owned())),
            };
        }
        mocked.spec.attribute(&join(path, "return_value"))
    }

    /// Returns the plan's value of an attribute. If the plan sets attributes below it, returns a map of them. Otherwise
    /// returns nil.
    ///
    /// # Errors
    /// If the plan has deleted the attribute, or does not mock the target.
    pub fn attribute(&self, path: &str) -> Result<Value, MockError> {
        let mut state = self.mocks.state();
        let mocked = state.mocked(&self.target);
        let mocked = mocked.ok_or_else(|| MockError::NotMocked(self.target.clone()))?;
        mocked.spec.check(path)?;
        mocked.spec.attribute(path)
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
    /// Fails if the plan has deleted this path, or one above it.
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
                // A line that contradicts an earlier one is ignored.
                let _ = below.put(
                    &path,
                    Leaf {
                        line: self.line,
                        typed,
                        has_type: true,
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
    targets: &BTreeMap<String, MockedTarget>,
    scene: &Scene<'_>,
    calling: Calling,
) -> Vec<Problem> {
    let mut found = Vec::new();
    for (target, mocked) in targets {
        for (path, expected) in &mocked.spec.expected {
            let name = join(target, path);
            let name = name.trim_end_matches('.');
            let calls: Vec<&Call> = mocked
                .calls
                .iter()
                .filter(|call| call.path == *path)
                .collect();
            match expected {
                MockCalls::None { line } if !calls.is_empty() => {
                    let what = format!(
                        "`{name}` should not have been called, but was called {} time(s)",
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
                                || "was not made".to_owned(),
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
                            "`{name}` should have been called {} time(s), but was called {} time(s)",
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

/// Returns true if an argument equals the expected one. `{"mock.ANY": true}` equals anything.
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
