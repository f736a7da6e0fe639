//! Probes: the health of the component, and whether the process lives, is ready, and what it has measured.
//!
//! | path | question | answered with an error |
//! |---|---|---|
//! | the component's, `/health` | Does the component work? Its own health checks, one by one. | 429 for a warning, 500 for an error |
//! | `/livez` | Is a new start needed? | 503 while a watchdog ends the process |
//! | `/readyz` | Should requests be sent here? | 503 while the doors drain, or have no room |
//! | `/metrics` | What was measured? | |
//!
//! Probes have no place among the requests of the doors, so that a process with many requests is not taken for a dead one.
//! Only the health of the component runs code of the service.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use soa_runtime::health::HealthStatus;
use soa_runtime::{Component, Watchdog};
use soa_wire::{JobRequest, Map, Value, value};

use crate::doors::Doors;
use crate::head::Head;
use crate::probe::Probe;
use crate::reply::Reply;

/// The content type of metrics in the text form of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers for the health of a component: its checks run for the caller of this request.
pub(crate) async fn health(doors: &Doors, component: &Component, head: Box<Head>) -> Reply {
    let head = *head;
    let mut job = JobRequest::new(head.context, head.control, Vec::new());
    job.extensions.insert(head.request);
    let reports = component.check_health(job).await;
    let worst = reports.iter().map(|report| report.status).max();
    let worst = worst.unwrap_or_default();
    let checks = reports.into_iter().map(|report| {
        let mut check = Map::with_capacity(3);
        check.push("name", &*report.name);
        check.push("status", word(report.status));
        if !report.details.is_empty() {
            check.push("details", report.details);
        }
        Value::Map(check)
    });
    let checks = Value::List(checks.collect());
    let answer = value!({ "status": (word(worst)), "checks": checks });
    let status = match worst {
        HealthStatus::Ok => StatusCode::OK,
        HealthStatus::Warning => doors.warning_status(),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    fresh(Reply::json(status, &answer))
}

/// Answers another probe.
pub(crate) fn probe(doors: &Doors, probe: Probe) -> Reply {
    match probe {
        Probe::Live => {
            let blocked = Watchdog::ending().map(|blocked| {
                let (service, action, what) = (&blocked.service, &blocked.action, blocked.what);
                format!("the process ends: {what} blocks its thread (`{service}`, `{action}`)")
            });
            fresh(reasons(blocked.into_iter().collect(), Vec::new()))
        }
        Probe::Ready => fresh(reasons(doors.unready(), doors.notes())),
        Probe::Metrics => match doors.rendered_metrics() {
            Some(page) => Reply::new(StatusCode::OK, METRICS, page),
            None => Reply::detail(StatusCode::NOT_FOUND, "Not Found"),
        },
    }
}

/// Returns the answer of a probe that fails for these reasons, or succeeds without one. Notes change nothing about that.
fn reasons(reasons: Vec<String>, notes: Vec<String>) -> Reply {
    let (status, outcome) = match reasons.is_empty() {
        true => (StatusCode::OK, HealthStatus::Ok),
        false => (StatusCode::SERVICE_UNAVAILABLE, HealthStatus::Error),
    };
    let reasons: Value = reasons.into_iter().map(Value::from).collect();
    let mut answer = Map::with_capacity(3);
    answer.push("status", word(outcome));
    answer.push("reasons", reasons);
    if !notes.is_empty() {
        let notes = notes.into_iter().map(Value::from);
        answer.push("notes", Value::List(notes.collect()));
    }
    Reply::json(status, &Value::Map(answer))
}

fn word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Ok => "OK",
        HealthStatus::Warning => "WARNING",
        _ => "ERROR",
    }
}

/// An answer of yesterday is none.
fn fresh(reply: Reply) -> Reply {
    reply.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
