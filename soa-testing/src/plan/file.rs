//! One file of test plans.

use std::path::Path;

use super::case::Case;
use super::mistake::PlanError;
use super::parse::parse;
use super::report::Failure;

/// The cases of one file of test plans.
///
/// ```
/// use soa::testing::plan::Plan;
///
/// let plan = Plan::parse("squares.pysoa", "\
/// test name: squares_a_number
/// test description: The square of a number
/// square: input int: number: 12
/// square: expect int: attribute value: square: 144
/// ")?;
/// assert_eq!(plan.cases()[0].name(), "squares_a_number");
///
/// let error = Plan::parse("squares.pysoa", "test nam: squares_a_number").unwrap_err();
/// assert_eq!((error.mistakes()[0].line(), error.mistakes()[0].column()), (1, 1));
/// # Ok::<(), soa::testing::plan::PlanError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    cases: Vec<Case>,
}

impl Plan {
    /// Parses the text of a plan. `file` is the name of the file in messages.
    ///
    /// # Errors
    /// If the text has no case, or a line is not understood or contradicts others. The error has all mistakes.
    pub fn parse(file: &str, text: &str) -> Result<Self, PlanError> {
        let (cases, mistakes) = parse(file, text);
        match mistakes.is_empty() {
            true => Ok(Self { cases }),
            false => Err(PlanError { mistakes }),
        }
    }

    /// Reads and parses a file.
    ///
    /// # Errors
    /// If the file cannot be read, and the errors of [`Plan::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Failure> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path);
        let text =
            text.map_err(|error| Failure::other(format!("{file} cannot be read: {error}")))?;
        Ok(Self::parse(&file, &text)?)
    }

    /// Returns the cases, in their order.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
}
