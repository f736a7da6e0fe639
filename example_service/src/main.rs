//! The example service as a program: a demonstration in one process, and the command line that every service has.

mod demo;

use std::process::ExitCode;

use example_service::ExampleService;
use soa::Program;
use soa::settings::Settings;

/// Messages are many small pieces of memory that live for a moment.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "Without any argument it serves the services `example` and `example2` in this process, makes typed \
     calls of every form, and prints what comes back. That needs nothing else: no Redis, no configuration.";

fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        return demo::main();
    }
    Program::new(async |_: Settings| Ok(ExampleService::new()))
        .defaults(include_str!("../settings.toml"))
        .help(HELP)
        .run()
}
