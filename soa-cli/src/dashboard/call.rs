//! Calls of actions: checked by the types that the service tells, and made.
//!
//! A body that does not fit is not sent, and all of its mistakes are told at once.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Map as JsonMap, Value as Json, json};
use soa_runtime::codec::Value;
use soa_runtime::introspection::Introspection;
use soa_runtime::schema::FieldError;
use soa_runtime::text::Plain;

use super::answer::Refusal;
use super::asked::Asked;
use super::shared::Dashboard;
use super::{command, introspect};
use crate::body;
use crate::call::told_error;
use crate::called::{self, Named};
use crate::connect::Reached;

/// Time that is left for advice after a call that was not answered.
const ADVICE_TIME: Duration = Duration::from_secs(5);

/// Checks a call, and makes it unless it is only to be checked.
pub(super) async fn run(dashboard: &Dashboard, asked: &Asked, host: &str) -> Result<Json, Refusal> {
    dashboard.seen(&asked.service)?;
    let commands = [
        ("command", command::soa_call(dashboard, asked)),
        ("curl", command::curl(dashboard, asked, host)),
    ];
    let commands = commands.map(|(key, line)| (key, Json::from(line)));
    let body = checked(dashboard, asked).await?.map_err(|mistakes| {
        let [(command, line), (curl, other)] = commands.clone();
        refused(asked, &mistakes)
            .with(command, line)
            .with(curl, other)
    })?;
    let mut told = JsonMap::new();
    told.insert("is_sent".to_owned(), (!asked.is_check).into());
    for key in ["took_ms", "response", "error"] {
        told.insert(key.to_owned(), Json::Null);
    }
    if !asked.is_check {
        let made = dashboard
            .within(asked.timeout + ADVICE_TIME, make(dashboard, asked, &body))
            .await?;
        told.extend(made);
    }
    told.extend(commands.map(|(key, line)| (key.to_owned(), line)));
    Ok(Json::Object(told))
}

/// The body by the types of the action, or its mistakes. One of an action whose types are not told is sent as JSON says.
async fn checked(
    dashboard: &Dashboard,
    asked: &Asked,
) -> Result<Result<Value, Vec<FieldError>>, Refusal> {
    let mut told = introspect::of_service(dashboard, &asked.service, false).await?;
    let schema = |told: &Value| {
        let told = Introspection::from_value(told.clone());
        let told = told.map_err(|error| {
            let message = format!("the description of the service cannot be read: {error}");
            Refusal::new(StatusCode::BAD_GATEWAY, "SERVICE", message)
        })?;
        Ok::<_, Refusal>(told.request_schema(&asked.action, &asked.switches()))
    };
    let mut known = schema(&told)?;
    if known.is_none() {
        // A worker of a newer version may know it.
        told = introspect::of_service(dashboard, &asked.service, true).await?;
        known = schema(&told)?;
    }
    let Some(schema) = known else {
        let message = format!(
            "`{}` has no action `{}`; nothing was sent",
            asked.service, asked.action
        );
        return Err(Refusal::not_found(message));
    };
    let (body, mistakes) = body::read(&schema, asked.body.clone());
    Ok(match mistakes.is_empty() {
        true => Ok(body),
        false => Err(mistakes),
    })
}

fn refused(asked: &Asked, mistakes: &[FieldError]) -> Refusal {
    let count = match mistakes.len() {
        1 => "one mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    let message = format!(
        "the body does not fit `{}.{}`, and nothing was sent; {count}",
        asked.service, asked.action
    );
    let told = mistakes.iter().map(|mistake| {
        json!({ "field": mistake.field, "message": mistake.message, "code": mistake.code })
    });
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "MISTAKES", message)
        .with("mistakes", told.collect())
}

/// Makes the call. An error of the service is an answer, too.
async fn make(
    dashboard: &Dashboard,
    asked: &Asked,
    body: &Value,
) -> Result<JsonMap<String, Json>, Refusal> {
    let redis = dashboard.redis();
    let reached = Reached {
        client: redis.client(&[asked.service.as_str()])?,
        redis: Some(redis),
    };
    let client = &reached.client;
    let mut call = client
        .call_action(asked.service.clone(), asked.action.clone(), body)
        .timeout(asked.timeout);
    for switch in asked.switches().iter() {
        call = call.switch(switch);
    }
    for (key, value) in asked.context.iter() {
        let key = key.as_str().unwrap_or_default().to_owned();
        call = call.context(key, Plain::exact(value.clone()).into_value());
    }
    let since = Instant::now();
    let outcome = call.await;
    let took = super::number::short(since.elapsed().as_secs_f64() * 1_000.0);
    let mut told = JsonMap::new();
    told.insert("took_ms".to_owned(), took.into());
    match outcome {
        Ok(response) => drop(told.insert("response".to_owned(), body::json(&response))),
        Err(error) => {
            let named = Named {
                service: asked.service.clone(),
                action: Some(asked.action.clone()),
            };
            let failure = called::failed(&error, &reached, &named, asked.timeout).await;
            let (_, _, advice) = failure.into_parts();
            let mut error = told_error(&error);
            error["advice"] = advice.into();
            told.insert("error".to_owned(), error);
        }
    }
    Ok(told)
}
