//! The report of a case that failed.
//!
//! It has every expectation of an action that does not hold, each with its line of the plan, and at the end the action's
//! answer.

use std::fmt;

use super::display::visible;
use super::mistake::PlanError;

/// The report of a case that failed or could not be run. `Display` writes all of it.
pub struct Failure {
    heading: String,
    problems: Vec<Problem>,
    answer: Option<String>,
}

/// One expectation of a plan that does not hold.
#[derive(Clone, Debug)]
pub struct Problem {
    line: usize,
    source: String,
    what: String,
}

impl Problem {
    pub(super) fn new(line: usize, source: String, what: String) -> Self {
        Self { line, source, what }
    }

    /// Returns the number of the line that does not hold, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the description of the difference.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl Failure {
    pub(super) fn new(heading: String, problems: Vec<Problem>, answer: Option<String>) -> Self {
        Self {
            heading,
            problems,
            answer,
        }
    }

    /// Creates a failure that belongs to no line, such as a server that cannot be built.
    pub(crate) fn other(heading: impl Into<String>) -> Self {
        Self::new(heading.into(), Vec::new(), None)
    }

    /// Returns the expectations that do not hold. The list is empty if the case could not be run.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::other(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.heading)?;
        for problem in &self.problems {
            write!(f, "\n\nline {}: {}", problem.line, visible(&problem.source))?;
            for line in problem.what.lines() {
                write!(f, "\n    {line}")?;
            }
        }
        match &self.answer {
            Some(answer) => write!(f, "\n\n{answer}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Failure {
    /// Writes the same as `Display`, on a new line: a test that returns this error shows its `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\n")?;
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}
