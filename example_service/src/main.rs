//! Serves `example` and `example2` in this process, calls them in every form, and prints what comes back.

mod demo;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: example_service

Serves the services `example` and `example2` in this process, makes typed calls of every form, and prints
what comes back. Needs nothing else: no Redis, no configuration.

Options:
  -h, --help  Print this text";

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, clippy::print_stderr)] // A command line program speaks by these.
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        None => {}
        Some("-h" | "--help") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(argument) => {
            eprintln!("error: unknown argument `{argument}`; `--help` tells what there is");
            return ExitCode::from(2);
        }
    }
    match demo::run(&mut std::io::stdout().lock()).await {
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
