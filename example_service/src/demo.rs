//! A demonstration of the forms of a call, one after another.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use example_service::types::{CallSquareRequest, SquareRequest, ValidateMeRequest};
use example_service::{ExampleClient, ExampleService, VERSION_2};
use soa::{Client, LocalTransport, Server, Value, WireError, value};

/// Runs the demonstration as a program.
#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // The output of a command line program.
pub(crate) async fn main() -> ExitCode {
    match run(&mut std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves two services, calls them, and writes the answers.
async fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let client = serve()?;
    let example = ExampleClient::new(&client);
    let example2 = ExampleClient::named(&client, "example2");
    let square = |number| SquareRequest { number };

    heading(out, "One action, typed")?;
    let response = example.square(square(12)).await?;
    writeln!(out, "  example.square(12) = {}", response.square)?;

    heading(out, "One job of several actions: a tuple of typed results")?;
    let (two, three, switched) = client
        .job((
            example.square(square(2)),
            example.square(square(3)),
            example.switched_v2(value!({})),
        ))
        .await?;
    writeln!(
        out,
        "  square(2) = {}, square(3) = {}",
        two.square, three.square
    )?;
    writeln!(
        out,
        "  switched_v2() = version {}, by switch {VERSION_2}",
        switched.version
    )?;

    heading(
        out,
        "One job that goes on after an error: a result for each action",
    )?;
    let (first, failed, last) = client
        .job((
            example.square(square(5)),
            example.fail(Default::default()),
            example.square(square(6)),
        ))
        .continue_on_error()
        .await?;
    writeln!(out, "  square(5) = {}", first?.square)?;
    if let Err(error) = failed {
        writeln!(out, "  fail() = {error}")?;
    }
    writeln!(out, "  square(6) = {}", last?.square)?;

    heading(out, "Many calls at once, to two services, results in order")?;
    let squares = client
        .parallel(
            (7..=10)
                .map(|number| {
                    let service = if number % 2 == 0 { &example2 } else { &example };
                    service.square(square(number))
                })
                .collect::<Vec<_>>(),
        )
        .await?;
    let squares: Vec<String> = squares
        .iter()
        .map(|response| response.square.to_string())
        .collect();
    writeln!(out, "  square(7..=10) = {}", squares.join(", "))?;

    heading(out, "Sent now, collected later")?;
    let pending = example.square(square(11)).send().await?;
    writeln!(out, "  square(11) is on its way …")?;
    writeln!(out, "  … and is {}", pending.await?.square)?;

    heading(out, "A chained call: the context flows down by itself")?;
    let request = CallSquareRequest {
        number: 9,
        service: None,
    };
    let response = example
        .call_square(request)
        .correlation_id("demonstration")
        .context("locale", "fr_FR")
        .await?;
    writeln!(out, "  example.call_square(9) = {}", response.square)?;
    for key in ["calling_service", "correlation_id", "locale"] {
        let text = response.callee_context.get(key).and_then(Value::as_str);
        writeln!(out, "  example2 saw {key} = {}", text.unwrap_or("nothing"))?;
    }

    heading(out, "A request that breaks its rules: every field at once")?;
    let request = ValidateMeRequest {
        id: 0,
        name: "x".to_owned(),
        tags: Some(["a", "b", "c", "d"].map(str::to_owned).to_vec()),
        kind: None,
        flag: None,
        when: None,
        nested: None,
        extra_map: None,
        maybe: None,
        either: None,
    };
    if let Err(error) = example.validate_me(request).await {
        write_errors(out, error.errors())?;
    }

    heading(out, "The same, untyped: for tools and dynamic callers")?;
    let body = value!({ "id": "one", "kind": "d", "nested": { "x": 1.5 }, "colour": "red" });
    if let Err(error) = client.call_action("example", "validate_me", &body).await {
        write_errors(out, error.errors())?;
    }

    heading(out, "A handler that panics: the server lives")?;
    if let Err(error) = example.boom(value!({})).await {
        write_errors(out, error.errors())?;
    }
    let response = example.square(square(13)).await?;
    writeln!(out, "  example.square(13) = {}", response.square)?;
    Ok(())
}

/// Serves two services, and returns a client of both. `example` has a client of its own for chained calls.
fn serve() -> Result<Client, Box<dyn Error>> {
    // The panic of the demonstration is intended, and not reported on the screen.
    std::panic::set_hook(Box::new(|_| {}));
    let example2 = Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .name("example2")
        .build()?;
    let chained = Client::builder()
        .service("example2", LocalTransport::new(example2.clone()))
        .build()?;
    let example = Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .client(chained)
        .build()?;
    let client = Client::builder()
        .service("example", LocalTransport::new(example))
        .service("example2", LocalTransport::new(example2))
        .caller("the demonstration")
        .build()?;
    Ok(client)
}

fn heading(out: &mut impl Write, text: &str) -> std::io::Result<()> {
    writeln!(out, "{text}:")
}

fn write_errors(out: &mut impl Write, errors: &[WireError]) -> std::io::Result<()> {
    for error in errors {
        writeln!(
            out,
            "  {:<8} {:<9} {}",
            error.code,
            error.field.as_deref().unwrap_or("-"),
            error.message
        )?;
    }
    Ok(())
}
