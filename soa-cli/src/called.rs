//! A service that is called: the parts of its name, its description, and advice where it does not answer.

use soa_program::settings::{listed, nearest};
use soa_runtime::client::Client;
use soa_runtime::codec::Value;
use soa_runtime::introspection::Introspection;
use soa_runtime::message::code;
use soa_runtime::{ClientError, ErrorKind, Map};

use crate::connect::{Reached, Target};
use crate::failure::{Failure, Reason};
use crate::output::{counted, requests_wait, time};
use crate::progress::while_running;

/// A service or an action, as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) service: String,
    pub(crate) action: Option<String>,
}

/// Splits SERVICE.ACTION. Names of services may have dots; then the longest service that is known counts, or the part before
/// the last dot.
pub(crate) fn split(text: &str, known: impl Iterator<Item = String>) -> Named {
    let is_prefix = |service: &String| {
        let rest = text.strip_prefix(service.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(service) = known.filter(is_prefix).max_by_key(String::len) {
        let action = text.strip_prefix(service.as_str());
        let action = action.and_then(|rest| rest.strip_prefix('.'));
        let action = action.filter(|action| !action.is_empty());
        return Named {
            action: action.map(str::to_owned),
            service,
        };
    }
    match text.rsplit_once('.') {
        Some((service, action)) => Named {
            service: service.to_owned(),
            action: Some(action.to_owned()),
        },
        None => Named {
            service: text.to_owned(),
            action: None,
        },
    }
}

impl Target {
    /// Finds the service and the action of an argument. Redis is asked only where the dots leave it open.
    pub(crate) async fn named(&self, text: &str) -> Result<Named, Failure> {
        if text.is_empty() {
            return Err(Failure::usage("the name of the service is empty")
                .advise("`soa services` lists the services that can be seen"));
        }
        let dots = text.matches('.').count();
        if dots <= 1 || self.http.is_some() {
            return Ok(split(text, std::iter::empty()));
        }
        let redis = self.connect("call").await?;
        // A login that may not look names up calls all the same.
        let names = while_running("looking for the service", redis.names()).await;
        let names = names.unwrap_or_default();
        Ok(split(text, names.into_iter()))
    }
}

/// Asks a service for its description: of one action, or of all.
pub(crate) async fn introspect(
    client: &Client,
    named: &Named,
    timeout: std::time::Duration,
) -> Result<Value, ClientError> {
    let mut body = Map::new();
    if let Some(action) = &named.action {
        body.insert("action_name", action.as_str());
    }
    let call = client.call_action(named.service.clone(), "introspect", &body);
    call.timeout(timeout).await
}

/// True if the service has answered that it has no such action.
pub(crate) fn is_unknown_action(error: &ClientError) -> bool {
    error.errors().iter().any(|error| {
        let field = error.field.as_deref();
        error.code == code::UNKNOWN && field == Some("action") || field == Some("action_name")
    })
}

/// True if another program or another page has answered over HTTP than the service: to a call of a built-in action, which is
/// always there, or with the service as the field.
pub(crate) fn is_elsewhere(error: &ClientError, action: Option<&str>) -> bool {
    let is_built_in = matches!(action, None | Some("introspect" | "status"));
    error.errors().iter().any(|error| {
        error.code == code::NOT_FOUND && (is_built_in || error.field.as_deref() == Some("service"))
    })
}

/// The names of the actions of a service, without their variants. Empty if it does not tell.
pub(crate) async fn action_names(
    client: &Client,
    service: &str,
    timeout: std::time::Duration,
) -> Vec<String> {
    let named = Named {
        service: service.to_owned(),
        action: None,
    };
    let told = introspect(client, &named, timeout).await;
    let told = told
        .ok()
        .and_then(|told| Introspection::from_value(told).ok());
    let mut names: Vec<String> = told
        .iter()
        .flat_map(Introspection::actions)
        .map(|name| name.split('[').next().unwrap_or(name).to_owned())
        .collect();
    names.dedup();
    names
}

/// The failure of a call, with what to do about it.
pub(crate) async fn failed(
    error: &ClientError,
    reached: &Reached,
    named: &Named,
    timeout: std::time::Duration,
) -> Failure {
    let mut failure = Failure::from(error);
    if is_unknown_action(error) {
        let names = action_names(&reached.client, &named.service, timeout).await;
        let names = || names.iter().map(String::as_str);
        let given = named.action.as_deref().unwrap_or_default();
        if let Some(near) = nearest(given, names()) {
            failure = failure.advise(format!("did you mean `{}.{near}`?", named.service));
        }
        return failure.advise(format!("the actions are {}", listed(names(), "and")));
    }
    match (error.kind(), &reached.redis) {
        (ErrorKind::Timeout, Some(redis)) => unanswered(failure, redis, &named.service).await,
        (ErrorKind::Timeout, None) => {
            failure.advise("wait longer with `--timeout TIME`, or look at the log of the service")
        }
        (ErrorKind::Transport, Some(redis)) => failure.advise_on_redis(&redis.address()),
        (ErrorKind::Transport, None) => {
            failure.advise("is the service running at the address of `--http`?")
        }
        (ErrorKind::Action | ErrorKind::Job, None)
            if is_elsewhere(error, named.action.as_deref()) =>
        {
            failure.advise("`--http` is the address of the program that has the service, such as http://127.0.0.1:8000")
        }
        (ErrorKind::Action | ErrorKind::Job, _) => {
            let mut errors = error.errors().iter();
            let target = match &named.action {
                Some(action) => format!("{}.{action}", named.service),
                None => named.service.clone(),
            };
            failure.advise(match errors.all(|error| error.is_caller_error) {
                true => format!("`soa describe {target}` shows what it takes"),
                false => format!(
                    "the log of the workers of `{}` has the cause",
                    named.service
                ),
            })
        }
        _ => failure,
    }
}

/// Says what Redis tells about a service that does not answer.
async fn unanswered(failure: Failure, redis: &crate::connect::Redis, service: &str) -> Failure {
    redis.settled().await;
    let Ok(fleet) = redis.look(&[service.to_owned()]).await else {
        return failure
            .advise("wait longer with `--timeout TIME`, or look at the log of the service");
    };
    let seen = fleet.services.get(service);
    let workers = seen.map_or(0, |seen| seen.workers.len());
    if seen.is_some_and(|seen| seen.is_paused) {
        return failure.advise(format!(
            "`{service}` is paused: `soa queue resume {service}` has its workers take requests again"
        ));
    }
    if workers > 0 {
        let depth = seen.map_or(0, |seen| seen.queue.depth);
        return failure.advise(format!(
            "`{service}` has {} with records, and {}: see `soa workers --service {service} --jobs`, or wait longer with \
             `--timeout`",
            counted(workers, "worker"),
            requests_wait(depth)
        ));
    }
    let waiting = seen.map(|seen| seen.queue).filter(|queue| queue.depth > 0);
    if let Some(queue) = waiting {
        let since = queue
            .oldest
            .map(|oldest| format!(", the oldest for {}", time(oldest)));
        return failure.advise(format!(
            "nobody takes the requests of `{service}`: {}{}; start a worker of it",
            requests_wait(queue.depth),
            since.unwrap_or_default()
        ));
    }
    if let Some(why) = &fleet.blind {
        return failure.advise(format!(
            "whether a worker of `{service}` runs cannot be seen ({why}); wait longer with `--timeout`"
        ));
    }
    let failure = failure.advise(format!(
        "nothing in Redis at {} tells of `{service}`: no worker tells a record, and no request waits; if it is of PySOA, it \
         may be at work: wait longer with `--timeout`",
        redis.address()
    ));
    let names = redis.names().await.unwrap_or_default();
    let names = || {
        names
            .iter()
            .map(String::as_str)
            .filter(|name| *name != service)
    };
    match nearest(service, names()) {
        Some(near) => failure.advise(format!("did you mean `{near}`?")),
        None if names().next().is_some() => failure.advise(format!(
            "the services that can be seen are {}",
            listed(names().take(20), "and")
        )),
        None => failure.advise("is this the right Redis? `soa services` lists what can be seen"),
    }
}

/// Demands an action.
pub(crate) fn with_action(named: Named) -> Result<(Named, String), Failure> {
    match named.action.clone() {
        Some(action) => Ok((named, action)),
        None => Err(Failure::new(
            Reason::Usage,
            format!("which action of `{}`? Write SERVICE.ACTION", named.service),
        )
        .advise(format!("`soa describe {}` lists them", named.service))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_service_that_is_known_counts() {
        let known = || ["books", "books.old"].map(str::to_owned).into_iter();
        let found = |text: &str| {
            let named = split(text, known());
            (named.service, named.action)
        };
        let of =
            |service: &str, action: Option<&str>| (service.to_owned(), action.map(str::to_owned));
        assert_eq!(found("books"), of("books", None));
        assert_eq!(found("books.find"), of("books", Some("find")));
        assert_eq!(found("books.old"), of("books.old", None));
        assert_eq!(found("books.old.find"), of("books.old", Some("find")));
        assert_eq!(found("v2.shop.buy"), of("v2.shop", Some("buy")));
        assert_eq!(found("shop"), of("shop", None));
    }
}
