//! The program `soa`: a fleet of services in a terminal, and in a browser.
//!
//! It knows nothing of any service but what is told on the wire and in Redis, so services of PySOA are shown and called as
//! those of this framework.
//!
//! ```text
//! failure     what went wrong, and exit codes     output      tables, colours, JSON
//! progress    what takes longer than a second     connect     the way to Redis or to HTTP
//! fleet       names, queues and records in Redis  called      the description of a service, and its actions
//! complete    completions of names                arguments   the command line
//! body        bodies of calls and their checks    started     a program that is started for a replay
//! the rest    one command each
//! ```

mod arguments;
mod body;
mod call;
mod called;
mod check;
mod complete;
mod connect;
mod dashboard;
mod dead;
mod describe;
mod failure;
mod fleet;
mod graph;
mod job;
mod manual;
mod output;
mod progress;
mod queue;
mod replay;
mod services;
mod started;
mod status;
mod top;
mod watch;
mod workers;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use arguments::{Arguments, Command};
use failure::{Failure, Reason};
use output::Output;

fn main() -> ExitCode {
    // A shell that completes a line asks with a variable of its own.
    CompleteEnv::with_factory(Arguments::command).complete();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(arguments));
            // What is left waits for answers that nobody reads.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::new(
            Reason::Bad,
            format!("the runtime cannot be started: {error}"),
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (lines, code) = failure.told_with_code();
            output::complain(&lines);
            code
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { target, command } = arguments;
    let output = Output::new(target.json);
    match command {
        Command::Services(arguments) => services::run(&target, output, arguments).await,
        Command::Workers(arguments) => workers::run(&target, output, arguments).await,
        Command::Describe(arguments) => describe::run(&target, output, arguments).await,
        Command::Status(arguments) => status::run(&target, output, arguments).await,
        Command::Call(arguments) => call::run(&target, output, arguments).await,
        Command::Job(arguments) => job::run(&target, output, arguments).await,
        Command::Replay(arguments) => replay::run(&target, output, arguments).await,
        Command::Queue(command) => queue::run(&target, output, command).await,
        Command::Dead(command) => dead::run(&target, output, command).await,
        Command::Graph(arguments) => graph::run(&target, output, arguments).await,
        Command::Check(arguments) => check::run(&target, output, arguments).await,
        Command::Top(arguments) => top::run(&target, output, arguments).await,
        Command::Watch(arguments) => watch::run(&target, output, arguments).await,
        Command::Dashboard(arguments) => dashboard::run(&target, output, arguments).await,
        Command::Completions { shell } => complete::print_script(shell),
        Command::Man { folder } => manual::write(&folder),
    }
}
