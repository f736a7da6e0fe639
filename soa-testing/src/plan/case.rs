//! What a plan comes to: cases, the actions that they call, and what is around them.
//!
//! A [`Case`] calls actions in the order in which its lines first name them. Each has what is sent, what is expected, and
//! [`Fixtures`]: where the clock stands, which calls of other services are answered by the plan, what is mocked. A case
//! has fixtures of its own, which hold for all of its actions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::tree::Tree;
use soa_runtime::codec::{UtcDateTime, Value};
use soa_runtime::message::WireError;

/// A case of a plan: actions that are called one after another, and what is expected of each.
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
    /// The name, as `test name:` gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the case is about, as `test description:` says it.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The file that the case is in, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line in which the case begins, counted from 1.
    pub fn line(&self) -> usize {
        self.first_line
    }

    /// Why the case is not to be run, as `test skip:` says it. Whoever runs cases looks at it; [`Case::run`] does not.
    pub fn skip_reason(&self) -> Option<&str> {
        self.skip.as_deref()
    }

    /// Whether the case can only be run with a service in the test's own process: it freezes the clock, stubs or mocks.
    pub fn is_local_only(&self) -> bool {
        self.local_only_line().is_some()
    }

    /// The first line that needs the service in this process.
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
    /// The line that names it first.
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

    /// What is said for all cases, with what this case says in addition.
    pub(super) fn overlaid(mut self, case: Self) -> Self {
        for (set, errors) in case.errors {
            let common = self.errors.entry(set).or_default();
            // By position, as everything in a list.
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

/// Which errors are meant, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ErrorSet {
    pub(super) of_job: bool,
    pub(super) is_not: bool,
    pub(super) is_exact: bool,
}

/// An error that is expected; what it does not say may be anything.
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

/// What surrounds an action, or a whole case.
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

/// Where the clock stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Freeze {
    /// Where the case has stopped it, else where it stood when the case began.
    Now,
    At(UtcDateTime),
}

/// How calls of an action of another service are answered, and which calls are expected.
#[derive(Clone, Debug, Default)]
pub(super) struct StubSpec {
    /// The first line that is about it.
    pub(super) line: usize,
    pub(super) body: Option<Tree>,
    pub(super) errors: Vec<WireError>,
    pub(super) calls: Calls,
}

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
            // One or the other: what the case says counts.
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

/// What a target of mocks answers, and which calls are expected.
#[derive(Clone, Debug, Default)]
pub(super) struct MockSpec {
    pub(super) line: usize,
    /// By path: `randint.return_value`, `save.side_effect`, `limits.size`.
    pub(super) attributes: BTreeMap<String, Vec<MockValue>>,
    /// By the path of what is called; empty for the target itself.
    pub(super) expected: BTreeMap<String, MockCalls>,
}

#[derive(Clone, Debug)]
pub(super) enum MockValue {
    Value(Value),
    Raise(String),
    Delete,
}

#[derive(Clone, Debug)]
pub(super) enum MockCalls {
    None {
        line: usize,
    },
    /// These, in this order, each a list of arguments and a map of named ones.
    These(Vec<(usize, Value, Value)>),
}
