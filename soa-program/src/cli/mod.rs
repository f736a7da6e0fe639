//! The command line of a service, and its processes.
//!
//! ```text
//! service [serve]                 receives requests until it is stopped
//! service introspect [ACTION]     describes the actions of this program
//! service openapi                 describes them over HTTP, as a document of OpenAPI; with the feature `http`
//! service call ACTION [BODY]      calls one action, of a running server or in this process
//! service status                  asks any running server for its status
//! service dead COMMAND            looks at jobs that are not run any more, as they ended too many processes
//! service health                  checks the heartbeat file of a process on this machine
//! service settings                shows the effective settings, their schema, or all keys
//! service completions SHELL       prints completions for a shell
//! ```
//!
//! In a program of several services ([`Component`](soa_runtime::Component)), `introspect` and `call` take `SERVICE.ACTION`,
//! and `status` takes `SERVICE`.
//!
//! [`main`](fn@main) and [`Program`] parse the arguments, load the settings from `--settings FILE`, variables `SOA__…`
//! and flags ([`settings`](crate::settings)), and execute the command. Results go to the standard output, everything else
//! to the standard error. The exit codes:
//!
//! | exit code | |
//! |---|---|
//! | 0 | the command succeeded, or a server was stopped and has answered everything |
//! | 1 | failure: no connection, the service could not be made, a startup hook failed, an action answered with errors, `status` has errors, `health` finds no current heartbeat, a process of `--fork` ended and was not restarted |
//! | 2 | the command line is wrong |
//! | 3 | the settings are wrong |
//! | 4 | a server stopped with jobs that have no answer or did not end: their handlers blocked, blocking actions still run, Redis was gone, or a second signal came |
//! | 70 | a handler blocked its thread for longer than `server.watchdog` allows |

mod advice;
mod argument;
mod call;
mod child;
mod daemon;
mod dead;
mod describe;
#[cfg(feature = "http")]
mod doors;
#[cfg(not(feature = "http"))]
#[path = "no_doors.rs"]
mod doors;
mod failure;
mod fork;
mod heartbeat;
mod letters;
mod notifier;
mod offering;
mod passing;
mod pid_file;
mod probe;
mod program;
mod readiness;
#[cfg(feature = "http")]
mod registration;
#[cfg(not(feature = "http"))]
#[path = "no_registration.rs"]
mod registration;
mod requests;
mod servable;
mod serve;
mod siblings;
mod signal;
mod target;
mod watch;

#[doc(hidden)]
pub use argument::STYLES;
#[doc(hidden)]
pub use call::{context_value, told_status};
#[doc(hidden)]
pub use describe::{described, kind};
pub use failure::BoxError;
#[doc(hidden)]
pub use letters::{
    LetterChoice, exported_letter, letter_json, letter_with_id, only_letter, told_letter,
    told_letters,
};
pub use program::{Program, main};
pub use servable::{Customized, with_server};
pub use soa_runtime::Serve;
