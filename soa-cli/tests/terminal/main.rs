//! The program `soa` against a real Redis, with services of this framework and of PySOA.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // What the processes of a failed test have said.

#[path = "../../../soa/tests/interop/processes.rs"]
mod processes;
#[path = "../../../soa/tests/interop/python.rs"]
mod python;
#[path = "../../../soa/tests/interop/sentinel.rs"]
mod sentinel;
mod services;
mod support;

mod bad_night;
mod calling;
mod checking;
mod dashboard;
mod dying;
mod every;
mod keys;
mod many;
mod nothing;
mod queues;
mod replaying;
mod seeing;
mod top;
mod watching;
mod words;
