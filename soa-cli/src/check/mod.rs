//! `soa check`: what is wrong with Redis and the fleet, and what to do about it.
//!
//! ```text
//! finding    what is wrong, where, and what to do      redis    masters, sentinels, the login
//! service    queues, workers, calls                    answer   workers that tell no records, by their answers
//! ```

mod answer;
mod finding;
mod redis;
mod service;

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::arguments::CheckArguments;
use crate::connect::{Redis, Target};
use crate::failure::{Failure, Reason};
use crate::output::{Output, counted, harmless, print};
use crate::progress::while_running;
use crate::services::{ask, count};

pub(crate) use finding::{Finding, Findings, Severity};
pub(crate) use service::{check_actions, check_letters, check_queue, check_workers};

use answer::{check_answers, compare};
use redis::{check_login, check_master, check_sentinel, unreachable};
use service::{check_callers, check_clocks, check_dead};

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: CheckArguments,
) -> Result<(), Failure> {
    let redis = target.connect("check").await?;
    let checked = check(&redis, &arguments.service, arguments.interval.get());
    let (findings, masters, services) =
        while_running("checking Redis and the fleet", checked).await?;
    let worst = findings.0.iter().map(|finding| finding.severity).min();
    if output.as_json {
        let told: Vec<Json> = findings.0.iter().map(as_json).collect();
        output.json(&json!({
            "redis": redis.address(),
            "masters": masters,
            "services": services,
            "findings": told,
        }))?;
    } else {
        print(&text(output, &findings, masters, services))?;
    }
    match worst {
        Some(Severity::Error) => Err(Failure::told(Reason::Bad)),
        Some(Severity::Warning) if !arguments.errors_only => Err(Failure::told(Reason::Warnings)),
        _ => Ok(()),
    }
}

fn text(output: Output, findings: &Findings, masters: usize, services: usize) -> String {
    let mut out = String::new();
    for finding in &findings.0 {
        let word = match finding.severity {
            Severity::Error => output.bad("error"),
            Severity::Warning => output.warning("warning"),
            Severity::Note => output.dim("note"),
        };
        let subject = output.bold(&harmless(&finding.subject));
        out += &format!("{word}: {subject}: {}\n", harmless(&finding.what));
        if !finding.advice.is_empty() {
            out += &format!("  {}\n", harmless(&finding.advice));
        }
    }
    let of = |severity| {
        findings
            .0
            .iter()
            .filter(|found| found.severity == severity)
            .count()
    };
    let counts = format!(
        "{} of Redis and {}: {}, {}\n",
        counted(masters, "master"),
        counted(services, "service"),
        counted(of(Severity::Error), "error"),
        counted(of(Severity::Warning), "warning")
    );
    out + &match of(Severity::Error) + of(Severity::Warning) {
        0 => output.good(&counts),
        _ => counts,
    }
}

pub(crate) fn as_json(finding: &Finding) -> Json {
    json!({
        "severity": finding.severity.word(),
        "code": finding.code,
        "subject": finding.subject,
        "what": finding.what,
        "advice": finding.advice,
    })
}

/// Looks for all that is wrong: findings, and the numbers of masters and services.
pub(crate) async fn check(
    redis: &Redis,
    services: &[String],
    interval: Duration,
) -> Result<(Findings, usize, usize), Failure> {
    let mut findings = Findings::default();
    let masters = redis.masters().await?;
    let count_of_masters = masters.len() + redis.lost.len();
    for (name, why) in &redis.lost {
        unreachable(name, why, &mut findings);
    }
    let mut is_reachable = true;
    for master in &masters {
        is_reachable &= check_master(redis, master, &mut findings).await;
    }
    for sentinel in redis.connection.sentinels().await {
        check_sentinel(&sentinel, &mut findings);
    }
    if redis.lost.is_empty()
        && let Some(outage) = redis.connection.outage()
    {
        findings.error(
            "OUTAGE",
            &redis.address(),
            outage,
            "look at the processes of Redis and of its sentinels, and at the network between",
        );
    }
    check_login(redis, &mut findings).await;
    if !is_reachable {
        findings.0.sort_by_key(|finding| finding.severity);
        return Ok((findings, count_of_masters, 0));
    }
    let fleet = redis.look(services).await?;
    if let Some(why) = &fleet.blind {
        findings.warning(
            "UNSEEN",
            &redis.address(),
            format!("the names of services and the records of workers cannot be looked up: {why}"),
            format!(
                "allow it with {}; until then name services with --service NAME",
                redis.grant("+scan")
            ),
        );
    } else if fleet.services.is_empty() {
        findings.note(
            "NOTHING_SEEN",
            &redis.address(),
            "no service can be seen: no queue holds a request, and no worker tells a record",
            "name services of PySOA with --service NAME: while they are idle, they leave no trace",
        );
    }
    // What cannot be reached or looked up was told.
    let told = redis.lost.len() + usize::from(fleet.blind.is_some());
    for note in fleet.notes.iter().skip(told) {
        findings.warning("UNSEEN", &redis.address(), note.clone(), "");
    }
    let asked = ask(redis, &fleet).await?;
    if let Some(problem) = asked.problem {
        findings.warning(
            "UNASKED",
            &redis.address(),
            format!("services whose workers tell no records could not be asked for their status: {problem}"),
            format!("check as a user who may call: {}", redis.grant("~pysoa:* +@read +@write +@scripting")),
        );
    }
    let answers = asked.answers;
    let compared = compare(redis, &answers).await?;
    tokio::time::sleep(interval).await;
    for (name, service) in &fleet.services {
        let later = redis.queue(&masters, name).await?;
        let growth =
            (count(later.depth) - count(service.queue.depth)) / interval.as_secs_f64().max(0.001);
        let answers = answers.get(name).map(Option::is_some);
        check_queue(name, service, growth, answers, &mut findings);
        check_workers(name, service, &mut findings);
        if let Some(compared) = compared.get(name) {
            check_answers(name, compared, &mut findings);
        }
        check_clocks(redis, name, service, &mut findings).await?;
        check_dead(redis, &masters, name, &mut findings).await?;
    }
    check_callers(&fleet, &mut findings);
    findings.0.sort_by_key(|finding| finding.severity);
    Ok((findings, count_of_masters, fleet.services.len()))
}
