//! The cases of a plan, as data.
//!
//! A [`Case`] calls actions in the order in which its lines first name them. Each action has its request, its
//! expectations, and [`Fixtures`]: the time of its clock, its stubs and its mocks. The fixtures of the case itself apply to
//! all of its actions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use soa_runtime::codec::{UtcDateTime, Value};
use soa_runtime::message::WireError;

use super::tree::Tree;

/// A case of a plan: actions that are called one after another, each with its expectations. Run it with
/// [`run`](Case::run) on a [`Subject`](super::Subject), which has an example.
#[derive(Clone)]
pub struct Case {
    pub(super) file: Arc<str>,
    /// All lines of the file.
    pub(super) source: Arc<[String]>,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) first_line: usize,
    pub(super) last_line: usize,
    pub(super) skip: Option<String>,
    pub(super) fixtures: Fixtures,
    pub(super) actions: Vec<ActionCase>,
}

impl Case {
    /// Returns the name, from the line `test name:`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description, from the line `test description:`.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the name of the file, as it was given to the parser.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the number of the first line, counted from 1.
    pub fn line(&self) -> usize {
        self.first_line
    }

    /// Returns the reason to skip the case, from the line `test skip:`. [`Case::run`] runs it all the same.
    pub fn skip_reason(&self) -> Option<&str> {
        self.skip.as_deref()
    }

    /// Returns true if the case needs a service in the test's own process, because it freezes the clock, stubs or mocks.
    pub fn is_local_only(&self) -> bool {
        self.local_only_line().is_some()
    }

    /// Returns the number of the first line that needs the service in this process.
    pub(super) fn local_only_line(&self) -> Option<usize> {
        let actions = self.actions.iter().map(|action| &action.fixtures);
        let lines = actions.chain([&self.fixtures]).filter_map(Fixtures::line);
        lines.min()
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("file", &self.file)
            .field("line", &self.first_line)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// One call of an action.
#[derive(Clone, Debug, Default)]
pub(super) struct ActionCase {
    pub(super) action: String,
    pub(super) index: u32,
    /// The first line that names the call.
    pub(super) line: usize,
    pub(super) body: Tree,
    pub(super) context: Tree,
    pub(super) control: Tree,
    pub(super) no_errors: Option<usize>,
    pub(super) errors: BTreeMap<ErrorSet, Vec<ExpectedError>>,
    pub(super) expected: Tree,
    pub(super) not_expected: Tree,
    pub(super) absent: Tree,
    pub(super) fixtures: Fixtures,
}

impl ActionCase {
    pub(super) fn is_of(&self, action: &str, index: u32) -> bool {
        self.action == action && self.index == index
    }

    /// Returns the `global` call of this action, with the lines of a case added.
    pub(super) fn overlaid(mut self, case: Self) -> Self {
        for (set, errors) in case.errors {
            let common = self.errors.entry(set).or_default();
            // By position, as in every list.
            let kept = common.split_off(errors.len().min(common.len()));
            *common = errors;
            common.extend(kept);
        }
        Self {
            action: case.action,
            index: case.index,
            line: case.line,
            body: self.body.overlaid(case.body),
            context: self.context.overlaid(case.context),
            control: self.control.overlaid(case.control),
            no_errors: case.no_errors.or(self.no_errors),
            errors: self.errors,
            expected: self.expected.overlaid(case.expected),
            not_expected: self.not_expected.overlaid(case.not_expected),
            absent: self.absent.overlaid(case.absent),
            fixtures: self.fixtures.overlaid(case.fixtures),
        }
    }
}

/// The form of an expectation of errors: `[not] [exact] [job] error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ErrorSet {
    pub(super) of_job: bool,
    pub(super) is_not: bool,
    pub(super) is_exact: bool,
}

/// An expected error. The parts that it does not have may be anything.
#[derive(Clone, Debug)]
pub(super) struct ExpectedError {
    pub(super) line: usize,
    pub(super) code: String,
    pub(super) field: Option<String>,
    pub(super) message: Option<String>,
}

impl ExpectedError {
    pub(super) fn accepts(&self, error: &WireError) -> bool {
        let field = self.field.as_ref();
        let message = self.message.as_ref();
        error.code == self.code
            && field.is_none_or(|field| error.field.as_ref() == Some(field))
            && message.is_none_or(|message| error.message == *message)
    }
}

/// The surroundings of an action, or of a whole case: clock, stubs and mocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Fixtures {
    pub(super) freeze: Option<(usize, Freeze)>,
    pub(super) stubs: BTreeMap<(String, String), StubSpec>,
    pub(super) mocks: BTreeMap<String, MockSpec>,
}

impl Fixtures {
    fn line(&self) -> Option<usize> {
        let freeze = self.freeze.iter().map(|(line, _)| *line);
        let stubs = self.stubs.values().map(|stub| stub.line);
        let mocks = self.mocks.values().map(|mock| mock.line);
        freeze.chain(stubs).chain(mocks).min()
    }

    fn overlaid(mut self, other: Self) -> Self {
        for (key, stub) in other.stubs {
            let overlaid = match self.stubs.remove(&key) {
                Some(common) => common.overlaid(stub),
                None => stub,
            };
            self.stubs.insert(key, overlaid);
        }
        for (target, mock) in other.mocks {
            let common = self.mocks.entry(target).or_default();
            common.line = mock.line;
            common.attributes.extend(mock.attributes);
            common.expected.extend(mock.expected);
        }
        Self {
            freeze: other.freeze.or(self.freeze),
            ..self
        }
    }
}

/// The time of a stopped clock.
#[derive(Clone, Copy, Debug)]
pub(super) enum Freeze {
    /// The time at which the case has stopped its clock, or else the beginning of the case.
    Now,
    At(UtcDateTime),
}

/// A stubbed action of another service: its answer, and its expected calls.
#[derive(Clone, Debug, Default)]
pub(super) struct StubSpec {
    /// The first line about the stub.
    pub(super) line: usize,
    pub(super) body: Option<Tree>,
    pub(super) errors: Vec<WireError>,
    pub(super) calls: Calls,
}

/// The expected calls of a stubbed action.
#[derive(Clone, Debug, Default)]
pub(super) enum Calls {
    #[default]
    Any,
    None {
        line: usize,
    },
    One {
        line: usize,
        request: Tree,
    },
}

impl StubSpec {
    fn overlaid(self, other: Self) -> Self {
        let body = match (self.body, other.body) {
            (Some(body), Some(other)) => Some(body.overlaid(other)),
            // Either a body or errors: those of the case count.
            (body, None) if other.errors.is_empty() => body,
            (_, other) => other,
        };
        Self {
            line: other.line,
            errors: match (&body, other.errors.is_empty()) {
                (None, true) => self.errors,
                _ => other.errors,
            },
            body,
            calls: match (self.calls, other.calls) {
                (
                    Calls::One { request, .. },
                    Calls::One {
                        line,
                        request: other,
                    },
                ) => Calls::One {
                    line,
                    request: request.overlaid(other),
                },
                (calls, Calls::Any) => calls,
                (_, calls) => calls,
            },
        }
    }
}

/// A mocked target: its answers, and its expected calls.
#[derive(Clone, Debug, Default)]
pub(super) struct MockSpec {
    pub(super) line: usize,
    /// Answers by path: `randint.return_value`, `save.side_effect`, `limits.size`.
    pub(super) attributes: BTreeMap<String, Vec<MockValue>>,
    /// Expected calls by the path of the called attribute; the path of the target itself is empty.
    pub(super) expected: BTreeMap<String, MockCalls>,
}

/// The answer of a mocked path.
#[derive(Clone, Debug)]
pub(super) enum MockValue {
    Value(Value),
    Raise(String),
    Delete,
}

/// The expected calls of a mocked path.
#[derive(Clone, Debug)]
pub(super) enum MockCalls {
    None {
        line: usize,
    },
    /// Calls in this order: the line, the list of arguments, and the map of named arguments.
    These(Vec<(usize, Value, Value)>),
}
