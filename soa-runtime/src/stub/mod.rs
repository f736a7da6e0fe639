//! A service made of answers, for the tests of its callers.
//!
//! A [`Stub`] is a transport. For each job it makes a server of the handlers that the job needs, so that order,
//! validation, errors and `continue_on_error` are those of a real service.
//!
//! The files, lowest first:
//!
//! * `answer`: the [`Answer`] to one call;
//! * `record`: requests and their answers;
//! * `state`: the handlers of a stub and the calls that it has seen;
//! * `handler`: runs an [`Answer`], or passes an action on to another transport;
//! * `handle`: the stub itself;
//! * `settings`: stubs as data, for the settings of a program;
//! * `stubs`: [`Stubs`], one for each of several services.
//!
//! A call without an answer fails. As code under test may hide that, dropping the stub panics, too.

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
pub use settings::{StubSettings, StubTransport, StubbedAction, StubbedError};
pub use stubs::Stubs;
