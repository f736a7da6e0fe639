//! A load generator for services over Redis.
//!
//! ```text
//! cargo build --release -p soa-bench -p example_service
//! target/release/load --start-server --callers 1,64
//! ```
//!
//! It calls one action, in a closed loop of callers or in an open loop at a fixed rate. Any server that speaks the
//! protocol can be called: one of this framework, one of PySOA, or, with `--raw`, plain sockets without either. It
//! reports round trips, latencies, and the processor time of this process, of the servers and of Redis.
//! `load compare` measures several servers in turns and prints their ratios; `load see` measures the cost of log,
//! metrics and traces.
//!
//! Everything runs on one thread, as in a client by default; only the clock of the open loop has a thread of its own.

mod arguments;
mod bare;
mod channels;
mod compare;
mod compare_channels;
mod compare_http;
mod cost;
mod http;
mod measure;
mod output;
mod plot;
mod process;
mod raw;
mod report;
mod resp;
mod run;
mod target;
mod telemetry;
mod turns;
mod usage;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// The same allocator as in the example service, so that both sides of a comparison have it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        None => run::run(arguments.run).await,
        Some(Command::Compare(arguments)) if arguments.delivery => {
            compare::compare_delivery(&arguments).await
        }
        Some(Command::Compare(arguments)) => compare::compare(&arguments).await,
        Some(Command::CompareHttp(arguments)) => compare_http::compare(&arguments).await,
        Some(Command::CompareChannels(arguments)) => compare_channels::compare(&arguments).await,
        Some(Command::BareServer { port }) => bare::serve(port).await,
        Some(Command::See(arguments)) => cost::measure_cost(&arguments),
        Some(Command::RawServer { redis }) => raw::serve(&redis.settings).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the reports has seen enough.
        Err(error) if is_closed_output(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            output::tell(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn is_closed_output(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
