//! The example service as a program: the command line that every service has, and a demonstration in one process.

mod demo;

use std::process::ExitCode;

use example_service::ExampleService;
use soa::Program;
use soa::settings::Settings;

/// An allocator for many small, short-lived allocations, as messages cause them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "Without any argument it serves the services `example` and `example2` in this process, makes typed \
     calls of every form, and prints the answers. This needs no Redis and no configuration.";

fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        return demo::main();
    }
    Program::new(async |_: Settings| Ok(ExampleService::new()))
        .defaults(include_str!("../settings.toml"))
        .help(HELP)
        .run()
}
