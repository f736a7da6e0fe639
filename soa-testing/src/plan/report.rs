//! What is told of a case that failed.
//!
//! Every expectation of an action is looked at, and all that do not hold are told together, each with its line as it is
//! in the plan, and what the action has answered at the end.

use std::borrow::Cow;
use std::fmt;

use super::compare::Mismatch;
use super::parse::PlanError;
use super::run::Answer;
use soa_runtime::codec::Value;

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
    let errors = answer.errors.iter().map(|error| ("error", error));
    let job_errors = answer.job_errors.iter().map(|error| ("job error", error));
    let mut told = String::new();
    for (what, error) in errors.chain(job_errors) {
        told.push_str(&format!("\n    {what} {error}"));
        if let Some(traceback) = &error.traceback {
            told.push_str(&format!(" [{traceback}]"));
        }
    }
    let told = Shown::new(LIMIT, format_args!("{told}"));
    format!("{name} answered\n    {}{told}", indented(&answer.body))
}

/// A value over several lines, where one would be long.
fn indented(value: &Value) -> String {
    const WIDTH: usize = 100;
    let short = Shown::new(WIDTH, format_args!("{value:?}"));
    if short.left_out == 0 {
        return short.text;
    }
    let long = Shown::new(LIMIT, format_args!("{value:#?}"));
    long.to_string().replace('\n', "\n    ")
}

/// As much of a response, or of one value, is shown, in bytes.
const LIMIT: usize = 4_096;

/// A value for people, not all of it where it is large.
pub(super) fn cut(value: &impl fmt::Debug) -> String {
    Shown::new(LIMIT, format_args!("{value:?}")).to_string()
}

/// The beginning of a text that may be long, which is never whole in memory.
struct Shown {
    text: String,
    limit: usize,
    /// In bytes.
    left_out: usize,
}

impl Shown {
    fn new(limit: usize, text: fmt::Arguments<'_>) -> Self {
        let mut shown = Self {
            text: String::new(),
            limit,
            left_out: 0,
        };
        // Fails where a value cannot be shown; what it has shown until then is there.
        let _ = fmt::Write::write_fmt(&mut shown, text);
        shown
    }
}

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = match self.left_out {
            0 => self.limit - self.text.len().min(self.limit),
            _ => 0,
        };
        let (taken, rest) = text.split_at(text.floor_char_boundary(room));
        self.text.push_str(taken);
        self.left_out += rest.len();
        Ok(())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.left_out {
            0 => Ok(()),
            bytes => write!(f, "… and {} bytes more", in_thousands(bytes)),
        }
    }
}

/// A number with commas.
pub(super) fn in_thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use soa_runtime::value;

    #[test]
    fn the_beginning_of_a_large_value_is_shown_and_how_much_is_left_out() {
        let numbers: Vec<Value> = (0..1_000_000).map(Value::from).collect();
        let shown = indented(&Value::List(numbers.clone()));
        assert!(shown.len() < 3 * LIMIT, "{}", shown.len());
        assert!(shown.starts_with("[\n        0,\n"));
        assert!(shown.ends_with(" bytes more"));
        let shown = cut(&Value::List(numbers));
        assert!(shown.ends_with("… and 7,884,794 bytes more"), "{shown}");
        assert_eq!(
            cut(&value!("é".repeat(LIMIT)))
                .chars()
                .filter(|c| *c == 'é')
                .count(),
            LIMIT / 2 - 1
        );
        assert_eq!(indented(&value!([1])), "[1]");
    }

    #[test]
    fn numbers_have_commas() {
        let shown = [0, 999, 1_000, 12_345, 1_234_567].map(in_thousands);
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
