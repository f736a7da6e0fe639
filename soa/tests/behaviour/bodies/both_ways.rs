//! Bodies in the two forms that a server is sent: encoded, and as a value. Nothing that is said of one differs for the other.

use std::sync::Arc;

use soa::client::ClientRequest;
use soa::transport::{ClientTransport, ReplyFuture};
use soa::{ActionRequest, Body, Client, JobRequest, LocalTransport, Server, Value};

/// A transport that sends each body twice: encoded, as the queue has it, and as a value, as the doors of HTTP do.
struct BothWays(Server);

impl ClientTransport for BothWays {
    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let server = self.0.clone();
        ReplyFuture::new(async move {
            let as_value = |action: &ActionRequest| {
                let body = Body::from_value(action.body.to_value().unwrap()).unwrap();
                ActionRequest::new(action.action.clone(), body)
            };
            let job = &request.job;
            let actions = job.actions.iter().map(as_value).collect();
            let other = JobRequest::new(job.context.clone(), job.control.clone(), actions);
            let other = server.execute(other).await;
            let answer = LocalTransport::new(server).call(request).await?;
            assert_eq!(answer.errors, other.errors);
            assert_eq!(answer.actions.len(), other.actions.len());
            for (one, other) in answer.actions.iter().zip(&other.actions) {
                assert_eq!(one.errors, other.errors);
                assert_eq!(one.body.to_value(), other.body.to_value());
                assert_eq!(one.body.bytes().unwrap(), other.body.bytes().unwrap());
            }
            Ok(answer)
        })
    }
}

/// Returns a client of a service `echo`, which sends each body in both ways.
pub(super) fn client(server: Server) -> Client {
    let transport: Arc<dyn ClientTransport> = Arc::new(BothWays(server));
    let client = Client::builder().service("echo", transport);
    client.build().unwrap()
}

/// Returns the errors of an action with this body, as `CODE field: message`.
pub(super) async fn errors_of(client: &Client, action: &'static str, body: Value) -> Vec<String> {
    match client.call_action("echo", action, &body).await {
        Ok(_) => Vec::new(),
        Err(error) => {
            let errors = error.errors().iter();
            let texts = errors.map(|error| {
                let field = error.field.as_deref().unwrap_or("-");
                format!("{} {field}: {}", error.code, error.message)
            });
            texts.collect()
        }
    }
}
