//! The example service as a program: a demonstration in one process, a server over Redis, and a caller.

mod arguments;
mod demo;
mod redis;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use arguments::Command;

/// Messages are many small pieces of memory that live for a moment.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // A command line program speaks by these.
async fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(2);
        }
    };
    match run(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  caused by: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    match command {
        Command::Demonstrate => demo::run(&mut out).await,
        Command::Help => Ok(writeln!(out, "{}", arguments::USAGE)?),
        Command::Serve { redis, name } => redis::serve(&mut out, &redis, name).await,
        Command::Call {
            redis,
            service,
            action,
            body,
        } => redis::call(&mut out, &redis, service, action, &body).await,
    }
}
