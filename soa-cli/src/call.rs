//! `soa call`: one action, once or many times.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use soa_program::cli::context_value;
use soa_runtime::client::Client;
use soa_runtime::codec::Value;
use soa_runtime::introspection::Introspection;
use soa_runtime::message::{Switch, SwitchSet, WireError};
use soa_runtime::observe::record::Sketch;
use soa_runtime::{ClientError, ErrorKind, text};

use crate::arguments::CallArguments;
use crate::body::{self, Expected, Field};
use crate::called::{self, Named};
use crate::connect::{Reached, Target};
use crate::failure::{Failure, Reason};
use crate::output::{Output, complain, harmless, latency, print, rate, time};
use crate::progress::{self, while_running};

/// A call that is ready to be made, as often as needed.
struct Prepared {
    client: Client,
    service: String,
    action: String,
    body: Value,
    switches: SwitchSet,
    context: Vec<(String, Value)>,
    timeout: Duration,
}

impl Prepared {
    async fn make(&self) -> Result<Value, ClientError> {
        let mut call = self
            .client
            .call_action(self.service.clone(), self.action.clone(), &self.body)
            .timeout(self.timeout);
        for switch in self.switches.iter() {
            call = call.switch(switch);
        }
        for (key, value) in &self.context {
            call = call.context(key.clone(), value.clone());
        }
        call.await
    }
}

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: CallArguments,
) -> Result<(), Failure> {
    let (named, action) = called::with_action(target.named(&arguments.target).await?)?;
    let expected = arguments.expect.iter().map(|text| Expected::read(text));
    let expected: Vec<Expected> = expected.collect::<Result<_, _>>()?;
    let fields = arguments.fields.iter();
    let fields = fields.map(|text| Field::read("--field", text));
    let fields: Vec<Field> = fields.collect::<Result<_, _>>()?;
    let text = arguments.body.as_deref().map(body::source).transpose()?;
    let given = body::object(text.as_deref().unwrap_or_default())?;
    let context = context_of(&arguments)?;
    let switches: SwitchSet = arguments
        .switches
        .iter()
        .copied()
        .map(Switch::new)
        .collect();
    let timeout = arguments.timeout.get();
    let reached = target.reach(&named.service).await?;
    let schema = match arguments.is_raw {
        true => None,
        false => {
            let told = told_schema(&reached, &named, &action, &switches, timeout);
            while_running("asking for the types of the action", told).await?
        }
    };
    let body = match schema {
        Some(schema) => body::checked(&schema, &given, &fields, &arguments.target)?,
        None => text::Plain::exact(body::with_fields(given, &fields)?).into_value(),
    };
    let prepared = Prepared {
        client: reached.client.clone(),
        service: named.service.clone(),
        action,
        body,
        switches,
        context,
        timeout,
    };
    if arguments.repeat > 1 {
        return many(&prepared, output, &arguments, &expected).await;
    }
    let response = match while_running("waiting for the response", prepared.make()).await {
        Ok(response) => response,
        Err(error) => {
            if output.as_json {
                output.json(&told_error(&error))?;
            }
            return Err(called::failed(&error, &reached, &named, timeout).await);
        }
    };
    match std::io::IsTerminal::is_terminal(&std::io::stdout()) && !output.as_json {
        true => print(&format!("{:#}", body::json(&response)))?,
        false => print(&text::write(&response))?,
    }
    let differences: Vec<String> = expected
        .iter()
        .flat_map(|expected| expected.differences(&response))
        .collect();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(
            Reason::Bad,
            format!(
                "the response is not as expected:\n  {}",
                differences.join("\n  ")
            ),
        )),
    }
}

/// The context in the arguments.
fn context_of(arguments: &CallArguments) -> Result<Vec<(String, Value)>, Failure> {
    let split = |flag: &str, text: &str| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::usage(format!(
            "`{flag} {text}` has no `=`: write `{flag} KEY=VALUE`"
        ))),
    };
    let mut context = Vec::new();
    for text in &arguments.context {
        let (key, value) = split("--context", text)?;
        let value = context_value(&key, &value).map_err(Failure::usage)?;
        context.push((key, value));
    }
    for text in &arguments.context_text {
        let (key, value) = split("--context-text", text)?;
        context.push((key, value.into()));
    }
    Ok(context)
}

/// Asks for the schema of the requests of an action. `None` if the service does not tell: then the body is sent as JSON says,
/// and the service answers what is wrong with it.
pub(crate) async fn told_schema(
    reached: &Reached,
    named: &Named,
    action: &str,
    switches: &SwitchSet,
    timeout: Duration,
) -> Result<Option<soa_runtime::schema::Schema>, Failure> {
    let told = called::introspect(&reached.client, named, timeout).await;
    let problem = match told.map(Introspection::from_value) {
        Ok(Ok(told)) => return Ok(told.request_schema(action, switches)),
        Ok(Err(error)) => error.to_string(),
        Err(error) if called::is_unknown_action(&error) => {
            let failure = called::failed(&error, reached, named, timeout).await;
            return Err(failure.because(
                Reason::Usage,
                format!(
                    "`{}` has no action `{action}`; nothing was sent",
                    named.service
                ),
            ));
        }
        Err(error) if reached.redis.is_none() && called::is_elsewhere(&error, None) => {
            let service = Named {
                action: None,
                ..named.clone()
            };
            return Err(called::failed(&error, reached, &service, timeout).await);
        }
        Err(error) if matches!(error.kind(), ErrorKind::Action | ErrorKind::Job) => {
            error.to_string()
        }
        Err(error) => return Err(called::failed(&error, reached, named, timeout).await),
    };
    complain(&format!(
        "warning: the service does not tell the types of the action, so the body is sent as JSON says: {}\n",
        harmless(&problem)
    ));
    Ok(None)
}

/// An error of a call, as JSON.
pub(crate) fn told_error(error: &ClientError) -> Json {
    let errors: Vec<Json> = error.errors().iter().map(wire_error).collect();
    json!({
        "kind": error.kind().as_str(),
        "message": error.to_string(),
        "errors": errors,
    })
}

fn wire_error(error: &WireError) -> Json {
    json!({
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "is_caller_error": error.is_caller_error,
    })
}

/// The outcome of many calls.
#[derive(Default)]
struct Tally {
    ok: u64,
    /// Failures by their code or kind.
    failures: BTreeMap<String, u64>,
    unexpected: u64,
    first_difference: Option<String>,
    times: Sketch,
    is_unanswered: bool,
}

async fn many(
    prepared: &Prepared,
    output: Output,
    arguments: &CallArguments,
    expected: &[Expected],
) -> Result<(), Failure> {
    let begun = Instant::now();
    let bar = progress::bar(arguments.repeat);
    let parallel = usize::try_from(arguments.parallel).unwrap_or(1);
    let one = |_| async {
        let since = Instant::now();
        let outcome = prepared.make().await;
        (outcome, since.elapsed())
    };
    let mut calls = futures_util::stream::iter(0..arguments.repeat)
        .map(one)
        .buffer_unordered(parallel);
    let mut tally = Tally::default();
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let mut is_interrupted = false;
    loop {
        let (outcome, took) = tokio::select! {
            biased;
            _ = &mut stop => {
                is_interrupted = true;
                break;
            }
            next = calls.next() => match next {
                Some(done) => done,
                None => break,
            },
        };
        bar.inc(1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tally.times.add(Sketch::bucket(micros), 1);
        tally.count(outcome, expected);
    }
    bar.finish_and_clear();
    let took = begun.elapsed();
    report(&tally, output, took)?;
    if is_interrupted {
        return Err(Failure::new(Reason::Bad, "interrupted"));
    }
    match (tally.failures.is_empty(), tally.unexpected) {
        (true, 0) => Ok(()),
        (true, _) => Err(Failure::told(Reason::Bad)),
        (false, _) if tally.is_unanswered && tally.ok == 0 => {
            Err(Failure::told(Reason::Unanswered))
        }
        (false, _) => Err(Failure::told(Reason::Bad)),
    }
}

impl Tally {
    fn count(&mut self, outcome: Result<Value, ClientError>, expected: &[Expected]) {
        match outcome {
            Ok(response) => {
                self.ok += 1;
                let mut differences = expected.iter().flat_map(|one| one.differences(&response));
                if let Some(difference) = differences.next() {
                    self.unexpected += 1;
                    self.first_difference.get_or_insert(difference);
                }
            }
            Err(error) => {
                self.is_unanswered |= error.kind() == ErrorKind::Timeout;
                let code = error.errors().first().map(|error| error.code.to_string());
                let code = code.unwrap_or_else(|| error.kind().as_str().to_owned());
                *self.failures.entry(code).or_default() += 1;
            }
        }
    }
}

fn report(tally: &Tally, output: Output, took: Duration) -> Result<(), Failure> {
    let calls = tally.times.count();
    #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
    let per_second = calls as f64 / took.as_secs_f64().max(f64::EPSILON);
    let quantile = |part| tally.times.quantile(part);
    if output.as_json {
        let millis = |part| quantile(part).map(|seconds: f64| seconds * 1_000.0);
        return output.json(&json!({
            "calls": calls,
            "ok": tally.ok,
            "failures": tally.failures,
            "unexpected": tally.unexpected,
            "seconds": took.as_secs_f64(),
            "rate": per_second,
            "p50_ms": millis(0.5),
            "p90_ms": millis(0.9),
            "p99_ms": millis(0.99),
            "max_ms": millis(1.0),
        }));
    }
    let mut out = format!(
        "{calls} calls in {}, {}\n{} answered without errors\n",
        time(took),
        rate(per_second),
        tally.ok
    );
    for (code, count) in &tally.failures {
        out += &format!("{count} failed: {}\n", harmless(code));
    }
    if let Some(difference) = &tally.first_difference {
        let count = tally.unexpected;
        out += &format!("{count} not as expected: {}\n", harmless(difference));
    }
    let parts = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];
    let parts = parts.map(|(name, part)| {
        let found = quantile(part).map_or("-".to_owned(), latency);
        format!("{name} {found}")
    });
    out += &format!("{}\n", parts.join(", "));
    print(&out)
}
