//! A server with middleware at both of its places, and what a caller sees of it.
//!
//! `cargo run -p soa --example middleware` prints the order in which things happen for a job of two actions, and the
//! error of a job without a token.
#![allow(clippy::print_stdout)] // An example speaks by it.

use std::error::Error;

use soa::middleware::{ActionStage, JobStage, Middleware, Next, from_fn};
use soa::{
    ActionCall, ActionError, Client, Context, JobError, JobRequest, JobResponse, LocalTransport,
    Server, Value, code, service, value,
};

/// Lets only jobs through that have a token, and tells handlers whose it is.
struct RequireToken;

/// Whose token it is.
struct User(String);

impl Middleware<JobStage> for RequireToken {
    async fn call(
        &self,
        mut job: JobRequest,
        next: Next<JobStage>,
    ) -> Result<JobResponse, JobError> {
        let Some(token) = job.context.extra.get("token").and_then(Value::as_str) else {
            return Err(
                JobError::new(code::ACCESS_DENIED, "There is no token").field("context.token")
            );
        };
        let user = User(format!("the owner of {token}"));
        job.extensions.insert(user);
        println!("job: {} actions", job.actions.len());
        next.run(job).await
    }
}

struct Greeter;

#[service(name = "greeter", version = "1.0.0")]
impl Greeter {
    /// Greets whoever calls.
    #[action]
    async fn greet(&self, _request: Value, cx: &Context) -> Result<Value, ActionError> {
        let name = cx.extension().map_or("you", |User(name)| name.as_str());
        Ok(value!({ "text": (format!("Hello, {name}")) }))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder(Greeter)
        .job_middleware(RequireToken)
        .action_middleware(from_fn(
            |call: ActionCall, next: Next<ActionStage>| async move {
                let action = call.action.clone();
                let response = next.run(call).await?;
                println!("  action {action}: {} errors", response.errors.len());
                Ok(response)
            },
        ))
        .build()?;
    let client = Client::builder()
        .service("greeter", LocalTransport::new(server))
        .build()?;
    let greeter = GreeterClient::new(&client);

    let calls = (greeter.greet(value!({})), greeter.greet(value!({})));
    let (first, _) = client.job(calls).context("token", "key 7").await?;
    println!(
        "{}",
        first
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default()
    );

    if let Err(error) = greeter.greet(value!({})).await {
        println!("without a token: {error}");
    }
    Ok(())
}
