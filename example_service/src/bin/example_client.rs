//! A client of the example service over Redis. It uses nothing but the contract.
//!
//! Run `cargo run -p example_service -- serve --redis HOST:PORT`, and then
//! `cargo run -p example_service --bin example_client -- HOST:PORT NUMBER`.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use example_service::ExampleClient;
use example_service::types::SquareRequest;
use soa::{Client, RedisClientTransport, TypedClient as _, value};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // The output of a command line program.
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [redis, number] = arguments.as_slice() else {
        eprintln!("Usage: example_client HOST:PORT NUMBER");
        return ExitCode::from(2);
    };
    match run(redis, number).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(redis: &str, number: &str) -> Result<(), Box<dyn Error>> {
    let number = number
        .parse()
        .map_err(|error| format!("`{number}` is not a number: {error}"))?;
    let name = ExampleClient::DESCRIPTOR.name();
    let transport = RedisClientTransport::connect(name, redis.parse()?).await?;
    let client = Client::builder().service(name, transport).build()?;
    let example = ExampleClient::new(&client);
    // Both actions travel as one job, and are run in order by one process.
    let (squared, switched) = client
        .job((
            example.square(SquareRequest { number }),
            example.switched_v2(value!({})),
        ))
        .await?;
    let mut out = std::io::stdout();
    writeln!(out, "square({number}) = {}", squared.square)?;
    writeln!(out, "switched_v2() = version {}", switched.version)?;
    Ok(())
}
