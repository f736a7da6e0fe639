//! Calls of actions: read, checked by the types that the service tells, and made.
//!
//! A body that does not fit is not sent, and all of its mistakes are told at once. Numbers keep their digits on the way, so the
//! request is read as the values of the framework and not as those of a library of JSON.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Map as JsonMap, Value as Json, json};
use soa_runtime::codec::{Map, Value};
use soa_runtime::introspection::Introspection;
use soa_runtime::message::{Switch, SwitchSet};
use soa_runtime::schema::FieldError;
use soa_runtime::text::{self, Plain};

use super::Dashboard;
use super::answer::{Refusal, only_keys};
use super::{command, description};
use crate::body;
use crate::call::told_error;
use crate::called::{self, Named};
use crate::connect::Reached;

/// Time limit of a call without one.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time limit of a call.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// Time that is left for advice after a call that was not answered.
const ADVICE_TIME: Duration = Duration::from_secs(5);

const KEYS: [&str; 7] = [
    "service",
    "action",
    "body",
    "switches",
    "context",
    "timeout_ms",
    "is_check",
];

/// A call, as it is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) service: String,
    pub(super) action: String,
    pub(super) body: Value,
    pub(super) switches: Vec<i64>,
    pub(super) context: Map,
    pub(super) timeout: Duration,
    /// True if nothing is to be sent.
    pub(super) is_check: bool,
}

impl Asked {
    /// Reads a request.
    pub(super) fn read(text: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text);
        let text = text.map_err(|_| Refusal::bad("the request is not UTF-8"))?;
        let request = Plain::from_json(text);
        let request = request
            .map_err(|error| Refusal::bad(format!("the request is not JSON: {error}")))?
            .into_exact();
        let Some(request) = request.as_map() else {
            return Err(Refusal::bad("the request must be an object"));
        };
        only_keys(request.iter().filter_map(|(key, _)| key.as_str()), &KEYS)?;
        let name = |key: &str| match request.get(key).and_then(Value::as_str) {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => Err(Refusal::bad(format!(
                "`{key}` must be a text that is not empty"
            ))),
        };
        let object = |key: &str| match request.get(key) {
            None | Some(Value::Nil) => Ok(Map::new()),
            Some(Value::Map(map)) => Ok(map.clone()),
            Some(_) => Err(Refusal::bad(format!("`{key}` must be an object"))),
        };
        let switches = match request.get("switches") {
            None => Some(Vec::new()),
            Some(given) => given
                .as_list()
                .and_then(|list| list.iter().map(Value::as_i64).collect()),
        };
        let limit = MAX_TIMEOUT.as_millis();
        let timeout = match request.get("timeout_ms") {
            None => Some(TIMEOUT),
            Some(given) => {
                let millis = given.as_i64().and_then(|millis| u64::try_from(millis).ok());
                let span = millis
                    .filter(|millis| *millis > 0)
                    .map(Duration::from_millis);
                span.filter(|span| *span <= MAX_TIMEOUT)
            }
        };
        Ok(Self {
            service: name("service")?,
            action: name("action")?,
            body: Value::Map(object("body")?),
            switches: switches
                .ok_or_else(|| Refusal::bad("`switches` must be a list of whole numbers"))?,
            context: object("context")?,
            timeout: timeout
                .ok_or_else(|| Refusal::bad(format!("`timeout_ms` must be from 1 to {limit}")))?,
            is_check: request.get("is_check").and_then(Value::as_bool) == Some(true),
        })
    }

    /// The request again, without what is as by default.
    pub(super) fn as_json(&self) -> String {
        let mut told = Map::new();
        told.insert("service", self.service.as_str());
        told.insert("action", self.action.as_str());
        told.insert("body", self.body.clone());
        if !self.switches.is_empty() {
            let switches = self.switches.iter().map(|number| Value::from(*number));
            told.insert("switches", switches.collect::<Vec<_>>());
        }
        if !self.context.is_empty() {
            told.insert("context", Value::Map(self.context.clone()));
        }
        if self.timeout != TIMEOUT {
            let millis = u64::try_from(self.timeout.as_millis()).unwrap_or(0);
            told.insert("timeout_ms", millis);
        }
        text::write(&Value::Map(told))
    }

    fn switches(&self) -> SwitchSet {
        self.switches.iter().copied().map(Switch::new).collect()
    }
}

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
    let mut told = description::of_service(dashboard, &asked.service, false).await?;
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
        told = description::of_service(dashboard, &asked.service, true).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_all_digits_and_written_again() {
        let text = r#"{"service":"shop","action":"buy","body":{"price":1.10,"day":null},"switches":[5],"timeout_ms":100}"#;
        let asked = Asked::read(text.as_bytes()).unwrap();
        assert!(matches!(asked.body.get("price"), Some(Value::Decimal(_))));
        assert_eq!(asked.timeout, Duration::from_millis(100));
        assert!(asked.as_json().contains("1.10"), "{}", asked.as_json());
        assert!(asked.as_json().contains("switches"));
    }

    #[test]
    fn a_request_that_is_none_is_told_what_is_wrong() {
        for (text, part) in [
            ("", "not JSON"),
            ("[]", "must be an object"),
            (r#"{"service":"a"}"#, "`action`"),
            (r#"{"service":"a","action":"b","bdy":{}}"#, "no key `bdy`"),
            (r#"{"service":"a","action":"b","body":[]}"#, "`body`"),
            (
                r#"{"service":"a","action":"b","switches":["x"]}"#,
                "`switches`",
            ),
            (
                r#"{"service":"a","action":"b","timeout_ms":0}"#,
                "`timeout_ms`",
            ),
            (
                r#"{"service":"a","action":"b","timeout_ms":60001}"#,
                "`timeout_ms`",
            ),
        ] {
            let refusal = format!("{:?}", Asked::read(text.as_bytes()).unwrap_err());
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
    }
}
