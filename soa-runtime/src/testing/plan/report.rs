//! What is told of a case that failed.
//!
//! Every expectation of an action is looked at, and all that do not hold are told together, each with its line as it is
//! in the plan, and what the action has answered at the end.

use std::borrow::Cow;
use std::fmt;

use super::compare::Mismatch;
use super::parse::PlanError;
use super::run::Answer;
use crate::codec::Value;

/// How a case failed, or why it could not be run. Shown, it is the report.
pub struct Failure {
    heading: String,
    problems: Vec<Problem>,
    answer: Option<String>,
}

/// One thing that is not as a plan expects it.
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

    /// The line of the plan that is not fulfilled, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is not as expected.
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

    /// A failure without a line: the service cannot be built, say.
    pub(crate) fn other(heading: impl Into<String>) -> Self {
        Self::new(heading.into(), Vec::new(), None)
    }

    /// What is not as the plan expects it; empty where the case could not be run at all.
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
    /// As for people: it is what a test shows that ends with this error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\n")?;
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

impl Mismatch {
    pub(super) fn shown(&self) -> String {
        let Self {
            path,
            expected,
            got,
            ..
        } = self;
        format!("`{path}` should be {expected}\nbut is {got}")
    }
}

/// A line of a plan with escapes for what would not be seen.
pub(super) fn visible(line: &str) -> Cow<'_, str> {
    if !line.contains(is_hidden) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 8);
    for character in line.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Controls, other space than blanks, and marks without a width, which also turn the direction of text around.
pub(super) fn is_hidden(character: char) -> bool {
    let is_mark = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    is_mark || character.is_control() || (character.is_whitespace() && character != ' ')
}

/// What an action has answered.
pub(super) fn answered(name: &str, answer: &Answer) -> String {
    let mut text = format!("{name} answered\n    {}", indented(&answer.body));
    let errors = answer.errors.iter().map(|error| ("error", error));
    let job_errors = answer.job_errors.iter().map(|error| ("job error", error));
    for (what, error) in errors.chain(job_errors) {
        text.push_str(&format!("\n    {what} {error}"));
        if let Some(traceback) = &error.traceback {
            text.push_str(&format!(" [{traceback}]"));
        }
    }
    text
}

/// A value over several lines, where one would be long.
fn indented(value: &Value) -> String {
    const WIDTH: usize = 100;
    let short = format!("{value:?}");
    if short.len() <= WIDTH {
        return short;
    }
    format!("{value:#?}").replace('\n', "\n    ")
}
