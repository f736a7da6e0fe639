//! The example component as a program: `example_component serve --http 127.0.0.1:8000`.

use std::process::ExitCode;

use soa::Program;
use soa::settings::Settings;

/// An allocator for many small, short-lived allocations, as messages cause them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Program::new(async |_: Settings| Ok(example_service::component::builder())).run()
}
