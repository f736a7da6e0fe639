//! The state of a case while it runs, which resolves the values of its lines.

use soa_runtime::codec::{Map, UtcDateTime, Value};

use super::case::Case;
use super::report::Problem;
use super::template::{Answered, Sources};
use super::tree::{Leaf, Tree};
use super::typed::Typed;

/// The state of a case while it runs: the responses so far, and the time of its clock.
pub(super) struct Scene<'a> {
    pub(super) case: &'a Case,
    pub(super) constants: &'a Map,
    pub(super) responses: &'a [Answered],
    pub(super) now: UtcDateTime,
}

impl Scene<'_> {
    /// Returns a tree in which times and references are values.
    pub(super) fn resolve(&self, tree: &Tree) -> Result<Tree, Problem> {
        let sources = Sources {
            responses: self.responses,
            constants: self.constants,
        };
        tree.try_map(&mut |leaf: &Leaf| {
            let value = match &leaf.typed {
                Typed::Moment(moment) => moment.at(self.now),
                Typed::Template(template) => template.resolve(&sources),
                _ => return Ok(Tree::Leaf(leaf.clone())),
            };
            match (value, &leaf.typed) {
                // Text around references is as if it had been written.
                (Ok(value @ Value::Text(_)), Typed::Template(template)) if template.is_text() => {
                    Ok(Tree::Leaf(Leaf {
                        line: leaf.line,
                        typed: Typed::Value(value),
                        has_type: leaf.has_type,
                    }))
                }
                (Ok(value), _) => Ok(Tree::of(value, leaf.line)),
                (Err(what), _) => Err(self.problem(leaf.line, what)),
            }
        })
    }

    /// Creates a problem of a line of the plan.
    pub(super) fn problem(&self, line: usize, what: impl Into<String>) -> Problem {
        let source = line
            .checked_sub(1)
            .and_then(|line| self.case.source.get(line));
        Problem::new(line, source.cloned().unwrap_or_default(), what.into())
    }
}

/// The phase of the calls of stubs and mocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calling {
    /// Calls may still come, so a missing call is not a problem yet.
    GoesOn,
    IsOver,
}
