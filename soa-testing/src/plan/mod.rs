//! Test plans: the `.pysoa` files of PySOA, run against a service.
//!
//! A plan is a text of cases; a case calls actions with what its lines say is sent, and compares what comes back with
//! what they say is expected. The way of a text:
//!
//! * `grammar` reads one line by the table of all `form`s, and says where it stops being one;
//! * `parse` puts lines together to [`Case`]s, with `typed` values at the `tree`'s paths;
//! * `run` calls the actions of a case, between the fixtures that it asks for: the clock, `stub`s, `mock`s;
//! * `compare` and `matcher` find what is not as expected, and `report` tells it.
//!
//! Mostly this is used through `soa::test_plans!`, which makes a test of each case. The guide
//! `soa::docs::test_plans` has the grammar.

mod case;
mod compare;
pub(crate) mod entry;
mod form;
mod grammar;
mod matcher;
mod mock;
mod moment;
mod parse;
mod python;
mod report;
mod run;
mod stub;
mod surround;
mod template;
mod tree;
mod typed;

use std::path::Path;

pub use case::Case;
pub use mock::{Mock, MockError, Mocks};
pub use parse::{Mistake, PlanError};
pub use report::{Failure, Problem};
pub use run::Subject;

/// The cases of one file.
#[derive(Clone, Debug)]
pub struct Plan {
    cases: Vec<Case>,
}

impl Plan {
    /// Reads the text of a plan; `file` is what it is called in messages.
    ///
    /// # Errors
    /// All lines that are not understood or do not go together, and a text without a case.
    pub fn parse(file: &str, text: &str) -> Result<Self, PlanError> {
        let (cases, mistakes) = parse::parse(file, text);
        match mistakes.is_empty() {
            true => Ok(Self { cases }),
            false => Err(PlanError { mistakes }),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, and all of [`Plan::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Failure> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path);
        let text =
            text.map_err(|error| Failure::other(format!("{file} cannot be read: {error}")))?;
        Ok(Self::parse(&file, &text)?)
    }

    /// The cases, in their order.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
}
