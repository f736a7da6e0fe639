//! A service made of answers, for the tests of its callers.
//!
//! A [`Stub`] is a transport. For each job that it is sent it makes a server of the handlers that the job needs, so that
//! order, validation, errors and `continue_on_error` are those of a real service:
//!
//! * `handler` runs an [`Answer`], or hands an action on to another transport;
//! * `record` keeps what was asked and answered;
//! * `stubs` has [`Stubs`], one for each of several services;
//! * `settings` has stubs as data, which stand in a program's settings, too.
//!
//! A call that a stub has no answer for fails. As code under test may hide that, dropping the stub panics, too.

mod answer;
mod handle;
mod handler;
mod record;
mod settings;
mod state;
mod stubs;

pub use answer::Answer;
pub use handle::Stub;
pub use record::Exchange;
pub use settings::{StubSettings, StubbedAction, StubbedError};
pub use stubs::Stubs;
