//! The check of the services that a service can call.

use std::time::Duration;

use futures_util::future::join_all;

use super::finding::Health;
use crate::codec::{Map, Value};
use crate::context::Context;
use crate::error::{ClientError, ErrorKind};

/// The timeout of each service.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn check(cx: Context) -> Health {
    let client = cx.soa_client();
    // Not verbose: services that call each other would check each other for ever.
    let body = Map::from_iter([("verbose", Value::from(false))]);
    let calls = client.services().map(|service| {
        let call = client.call_action(service.clone(), "status", &body);
        let call = call.timeout(SERVICE_TIMEOUT);
        async move { (service, call.await) }
    });
    let mut services = Map::new();
    let mut health = Health::ok();
    for (service, answer) in join_all(calls).await {
        match answer {
            Ok(status) => drop(services.insert(service.to_string(), status)),
            Err(error) => {
                let what = match error.kind() {
                    ErrorKind::Action => "STATUS",
                    ErrorKind::Job => "CALL",
                    _ => "TRANSPORT",
                };
                let code = format!("{}_{what}_ERROR", service.to_uppercase());
                health = health.and(Health::error(code, text(&error)));
            }
        }
    }
    if services.is_empty() && health.is_ok() {
        return health;
    }
    health.diagnostic("services", services)
}

/// Returns the text of an error with its causes.
fn text(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
