//! Mistakes in the text of a plan.

use std::fmt;
use std::sync::Arc;

use super::display::visible;

/// A line of a plan that is not understood, or contradicts others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) source: String,
    pub(super) problem: String,
    /// The most similar form of a line; empty if none is similar, or the line has a form.
    pub(super) nearest: &'static str,
}

impl Mistake {
    /// Returns the number of the line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column, counted in characters from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns the description of the mistake, without its place.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            source,
            problem,
            nearest,
        } = self;
        write!(f, "{file}:{line}:{column}: {problem}")?;
        if !source.is_empty() {
            let before: String = source.chars().take(column.saturating_sub(1)).collect();
            let at = visible(&before).chars().count() + 1;
            write!(f, "\n    {}\n    {:>at$}", visible(source), "^")?;
        }
        if !nearest.is_empty() {
            write!(f, "\n    nearest form: {nearest}")?;
        }
        Ok(())
    }
}

/// All mistakes of a plan.
#[derive(Clone, PartialEq, Eq)]
pub struct PlanError {
    pub(super) mistakes: Vec<Mistake>,
}

impl PlanError {
    /// Returns the mistakes, in the order of their lines.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for PlanError {
    /// Writes the same as `Display`: a test that returns this error shows its `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for PlanError {}
