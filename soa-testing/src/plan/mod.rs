//! Test plans: PySOA's `.pysoa` files, run against a service.
//!
//! A plan is the text of several cases. A case calls actions with the values that its lines state, and compares the
//! responses with the expectations of its lines. The way of a text:
//!
//! * `grammar` reads one line by the table of all `form`s, and reports where the line stops matching;
//! * `parse` puts lines together to [`Case`]s, whose `typed` values are leaves of a `tree`;
//! * `run` calls the actions of a case on a [`Subject`], with the clock, `stub`s and `mock`s of the case. Values
//!   without a type are read by the schema of the action (`written`);
//! * `compare` and `matcher` find the differences from the expectations, and `report` describes them.
//!
//! Usually the macro `soa::test_plans!` makes a test of each case. The guide `soa::docs::test_plans` has the grammar.

mod answer;
mod case;
mod compare;
mod display;
pub(crate) mod entry;
mod file;
mod form;
mod grammar;
mod line;
mod matcher;
mod mistake;
mod mock;
mod moment;
mod parse;
mod path;
mod python;
mod report;
mod run;
mod scene;
mod stub;
mod subject;
mod surround;
mod template;
mod tree;
mod typed;
mod written;

pub use case::Case;
pub use file::Plan;
pub use mistake::{Mistake, PlanError};
pub use mock::{Mock, MockError, Mocks};
pub use report::{Failure, Problem};
pub use subject::Subject;
