//! `soa replay`: recorded requests are sent again, and the answers compared with those that were recorded.
//!
//! The file is read as a whole before anything is sent, so that a mistake in it costs no call. Where the calls go is one of
//! Redis, the HTTP of a service, and a program that is started for the replay (`started`).

use std::collections::BTreeSet;
use std::io::BufRead as _;

use serde_json::{Value as Json, json};
use soa_program::cli::context_value;
use soa_redis::RedisRecords;
use soa_runtime::client::Client;
use soa_runtime::recording::{Entry, FieldPath, Replay, Report};

use crate::arguments::ReplayArguments;
use crate::body::Field;
use crate::connect::{Reached, Target};
use crate::failure::{Failure, Reason};
use crate::output::{Output, complain, harmless, harmless_lines, print};
use crate::progress;
use crate::started::Started;

/// The greatest number of lines that cannot be read, of which each is told.
const MAX_TOLD: usize = 3;

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: ReplayArguments,
) -> Result<(), Failure> {
    let replay = replay_of(&arguments)?;
    let entries = read(&lines(target, &arguments).await?)?;
    let services: BTreeSet<&str> = entries
        .iter()
        .map(|(_, entry)| replay.service_of(entry))
        .collect();
    let (target, started) = place(target, &arguments, &services).await?;
    let mut reached = Vec::new();
    for service in &services {
        let called = match &started {
            Some(started) => started.name_of(service),
            None => (*service).to_owned(),
        };
        reached.push((called.clone(), target.reach(&called).await?));
    }
    // Over HTTP, dates and decimals are texts on the way.
    let replay = replay.text_form(target.http.is_some());
    let replay = match started.as_ref().and_then(Started::own_name) {
        Some(name) => replay.service(name),
        None => replay,
    };
    let report = replayed(&replay, &entries, &reached).await;
    let Some(report) = report else {
        return Err(Failure::new(Reason::Bad, "interrupted"));
    };
    told(output, &report)?;
    drop(started);
    verdict(&report)
}

fn replay_of(arguments: &ReplayArguments) -> Result<Replay, Failure> {
    let path = |flag: &str, text: &str| {
        let path = text.parse::<FieldPath>();
        path.map_err(|error| Failure::usage(format!("`{flag} {text}`: {error}")))
    };
    let parallel = usize::try_from(arguments.parallel).unwrap_or(1);
    let ignored = arguments.ignore.iter().map(|text| path("--ignore", text));
    let mut replay = Replay::new()
        .force(arguments.force)
        .parallel(parallel)
        .timeout(arguments.timeout.get())
        .ignore(ignored.collect::<Result<Vec<_>, _>>()?);
    if let Some(rate) = arguments.rate {
        replay = replay.rate(f64::from(rate));
    }
    if let Some(name) = &arguments.service {
        replay = replay.service(name.clone());
    }
    for text in &arguments.fields {
        let field = Field::read("--field", text)?;
        replay = replay.field(path("--field", &field.path)?, field.into_value());
    }
    for text in &arguments.context {
        let Some((key, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!(
                "`--context {text}` has no `=`: write `--context KEY=VALUE`"
            )));
        };
        let value = context_value(key, value).map_err(Failure::usage)?;
        replay = replay.context(key, value);
    }
    Ok(replay)
}

/// Reads the lines of a recording: of a file, of the standard input, or of a stream in Redis.
async fn lines(target: &Target, arguments: &ReplayArguments) -> Result<Vec<String>, Failure> {
    if let Some(service) = &arguments.stream {
        let redis = target.connect("replay --from-stream").await?;
        let lines = RedisRecords::on(&redis.connection).read(service).await;
        return lines.map_err(|error| redis.failed(&error));
    }
    let file = arguments.file.as_deref().unwrap_or("-");
    let source = || -> std::io::Result<Vec<String>> {
        match file {
            "-" => std::io::stdin().lock().lines().collect(),
            file => std::io::BufReader::new(std::fs::File::open(file)?)
                .lines()
                .collect(),
        }
    };
    source().map_err(|error| {
        let place = match file {
            "-" => "the standard input".to_owned(),
            file => format!("the file `{file}`"),
        };
        Failure::usage(format!("{place} cannot be read: {error}"))
    })
}

/// Reads entries, each with the number of its line.
///
/// # Errors
/// A line that is no entry. A line that is cut off, as a process leaves it that is killed, is left out with a warning.
fn read(lines: &[String]) -> Result<Vec<(usize, Entry)>, Failure> {
    let (mut entries, mut cut) = (Vec::new(), Vec::new());
    for (index, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let number = index + 1;
        match Entry::from_line(line) {
            Ok(entry) => entries.push((number, entry)),
            Err(error) if error.is_cut() => cut.push((number, error)),
            Err(error) => {
                return Err(Failure::usage(format!(
                    "line {number} of the recording, and nothing was sent: {error}"
                ))
                .advise("the middleware `record` makes recordings; see the guide on recording"));
            }
        }
    }
    if entries.is_empty() {
        let cut = cut
            .first()
            .map(|(number, error)| format!("; line {number}: {error}"));
        return Err(Failure::usage(format!(
            "the recording has no recorded actions{}",
            cut.unwrap_or_default()
        ))
        .advise("the middleware `record` makes recordings; see the guide on recording"));
    }
    for (number, error) in cut.iter().take(MAX_TOLD) {
        let error = harmless(&error.to_string());
        complain(&format!("warning: line {number} is left out: {error}\n"));
    }
    if cut.len() > MAX_TOLD {
        let more = cut.len() - MAX_TOLD;
        complain(&format!("warning: and {more} more lines\n"));
    }
    Ok(entries)
}

/// Finds the place of the services: what `--against` says, or what `--redis` and the like say.
async fn place(
    target: &Target,
    arguments: &ReplayArguments,
    services: &BTreeSet<&str>,
) -> Result<(Target, Option<Started>), Failure> {
    let against = arguments.against.as_deref();
    let is_url = |scheme: &[&str]| {
        against.filter(|against| scheme.iter().any(|scheme| against.starts_with(scheme)))
    };
    let mut place = target.clone();
    if !arguments.program.is_empty() && (against.is_none() || is_url(&["redis", "http"]).is_some())
    {
        return Err(Failure::usage(
            "arguments after `--` are those of a program: name it by `--against ./program`",
        ));
    }
    if let Some(redis) = is_url(&["redis://", "rediss://"]) {
        (place.redis, place.http) = (Some(redis.to_owned()), None);
        return Ok((place, None));
    }
    if let Some(url) = is_url(&["http://", "https://"]) {
        (place.http, place.redis, place.settings) = (Some(url.to_owned()), None, None);
        return Ok((place, None));
    }
    let Some(program) = against else {
        return Ok((place, None));
    };
    let started = Started::start(program, &arguments.program, target, services).await?;
    if let Some(url) = started.url() {
        (place.http, place.redis, place.settings) = (Some(url), None, None);
    }
    Ok((place, Some(started)))
}

/// Replays the entries, until all are done. `None` if it is interrupted.
async fn replayed(
    replay: &Replay,
    entries: &[(usize, Entry)],
    reached: &[(String, Reached)],
) -> Option<Report> {
    let bar = progress::bar(entries.len() as u64);
    let client_of = |service: &str| -> Option<Client> {
        let found = reached.iter().find(|(name, _)| name == service);
        found.map(|(_, reached)| reached.client.clone())
    };
    let work = replay.run_with(entries, client_of, || bar.inc(1));
    let report = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => None,
        report = work => Some(report),
    };
    bar.finish_and_clear();
    report
}

fn told(output: Output, report: &Report) -> Result<(), Failure> {
    if !output.as_json {
        return print(&harmless_lines(&report.to_string()));
    }
    let fields = report.fields.iter().map(|field| {
        json!({
            "action": field.action,
            "path": field.path,
            "change": field.change.as_str(),
            "calls": field.calls,
            "line": field.line,
            "recorded": field.recorded,
            "now": field.now,
            "has_other_values": field.has_other_values,
        })
    });
    let unanswered = report.unanswered.iter().map(|(kind, found)| {
        json!({
            "kind": kind,
            "calls": found.calls,
            "line": found.line,
            "message": found.error.to_string(),
        })
    });
    output.json(&json!({
        "records": report.records,
        "sent": report.sent(),
        "same": report.same,
        "different": report.different,
        "not_sent": {
            "not_idempotent": report.not_idempotent,
            "without_secrets": report.without_secrets,
            "other_service": report.other_service,
            "given_up": report.given_up,
        },
        "unanswered": unanswered.collect::<Vec<Json>>(),
        "fields": fields.collect::<Vec<Json>>(),
    }))
}

/// The exit code. A replay that has sent nothing has shown nothing, so it is no success.
fn verdict(report: &Report) -> Result<(), Failure> {
    if report.is_same() {
        return Ok(());
    }
    if report.sent() == 0 {
        let mut failure = Failure::usage("nothing was sent: no recorded action may be sent again");
        if report.not_idempotent > 0 {
            failure = failure.advise("`--force` sends actions that are not idempotent, too");
        }
        if report.without_secrets > 0 {
            failure = failure.advise(
                "secrets are not in the recording: `--field PATH=VALUE` and `--context KEY=VALUE` set them",
            );
        }
        return Err(failure);
    }
    if report.different > 0 || report.same > 0 {
        return Err(Failure::told(Reason::Bad));
    }
    let first = report.unanswered.values().min_by_key(|found| found.line);
    match first {
        Some(found) => Err(Failure::from(&found.error)),
        None => Err(Failure::told(Reason::Bad)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_recording_is_told_with_its_line_and_a_cut_line_is_left_out() {
        let lines = |text: &[&str]| {
            text.iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>()
        };
        let line = r#"{"format": 1, "time": "2026-11-21T08:30:00+00:00", "service": "a", "action": "b", "request": {"value": {}}, "response": {"value": {}}}"#;
        let cut = read(&lines(&[line, "", line, &line[..40]])).unwrap();
        let numbers: Vec<usize> = cut.iter().map(|(line, _)| *line).collect();
        assert_eq!(numbers, [1, 3]);
        let other = read(&lines(&[line, r#"{"level": "info"}"#]));
        let failure = format!("{:?}", other.unwrap_err());
        assert!(
            failure.contains("line 2") && failure.contains("nothing was sent"),
            "{failure}"
        );
        let empty = format!("{:?}", read(&[]).unwrap_err());
        assert!(empty.contains("no recorded actions"), "{empty}");
    }
}
