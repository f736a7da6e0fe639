//! The commands that need a Redis: `serve` and `call`.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use example_service::ExampleService;
use soa::codec::json;
use soa::transport::{RedisClientTransport, RedisConnection, RedisServerTransport, RedisSettings};
use soa::{Client, Server, Value};

/// How long jobs may go on after the first interrupt.
const GRACE: Duration = Duration::from_secs(30);

/// Serves the example service over Redis until the process is interrupted, then finishes the jobs that
/// it has taken.
pub(crate) async fn serve(
    out: &mut impl Write,
    redis: &str,
    name: String,
) -> Result<(), Box<dyn Error>> {
    let connection = RedisConnection::connect(redis.parse()?).await?;
    let chained = Client::builder()
        .service("example", RedisClientTransport::on(&connection, "example"))
        .service(
            "example2",
            RedisClientTransport::on(&connection, "example2"),
        )
        .build()?;
    let server = Server::builder(ExampleService::new())
        .name(name.clone())
        .client(chained)
        .build()?;
    let transport = RedisServerTransport::on(&connection, name.clone());
    // Not the text as it was given: it may have a password in it.
    let addresses = connection.settings().addresses();
    writeln!(
        out,
        "serving `{name}` over Redis at {addresses}; interrupt to stop, twice to stop at once"
    )?;
    out.flush()?;
    let interrupted_twice = async {
        interrupted().await;
        interrupted().await;
    };
    tokio::select! {
        _ = server.run_until(transport, interrupted(), GRACE) => {}
        () = interrupted_twice => {
            return Err("interrupted twice; jobs that still ran are lost".into());
        }
    }
    writeln!(out, "served {} jobs", server.stats().jobs())?;
    Ok(())
}

/// Ctrl-C, or SIGTERM as process managers send it.
async fn interrupted() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            // Without the signal there is still Ctrl-C.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// Calls one action over Redis and prints its response as JSON.
pub(crate) async fn call(
    out: &mut impl Write,
    redis: &str,
    service: String,
    action: String,
    body: &Value,
) -> Result<(), Box<dyn Error>> {
    let settings: RedisSettings = redis.parse()?;
    let transport = RedisClientTransport::connect(service.clone(), settings).await?;
    let client = Client::builder()
        .service(service.clone(), transport)
        .build()?;
    let response = client.call_action(service, action, body).await?;
    match json::to_vec(&response) {
        Ok(text) => writeln!(out, "{}", String::from_utf8_lossy(&text))?,
        // JSON has no bytes and no dates; then it is shown in a form for people.
        Err(_) => writeln!(out, "{response:?}")?,
    }
    Ok(())
}
