//! Spans of calls and jobs, and the place in a trace that travels with a call.
//!
//! ```text
//! call ─┬─ send                          client: the call; until it is on its way
//!       └─ queue · job ── action ── call …   server: until it is taken; the job; each action of it
//! ```
//!
//! A job has one span always, so that what is logged in it has its correlation id. All others, whose target is
//! [`TRACE`], are made for traces that are recorded. Whether a trace is, is decided where it begins, by
//! [`sample_traces`], and goes with it: in `traceparent`, a part of the context, so through services that know nothing of
//! it. Where no subscriber wants spans of that target, nothing is decided, and a `traceparent` is passed on as it came.
//!
//! The ids are those of OpenTelemetry where its layer is installed (feature `otlp`), and otherwise our own, fields of the
//! spans. Fields have OpenTelemetry's names where it has one. They are texts, which logs write escaped, and names and ids
//! in them are cut: peers choose these.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{Level, Span, error_span, info_span, span_enabled};

use crate::error::ClientError;
use crate::message::{
    ActionRequest, ContextHeader, JobRequest, JobResponse, TraceParent, WireError,
};
use crate::redact;

/// The target of spans that belong to a trace which is recorded.
#[doc(hidden)]
pub const TRACE: &str = "soa::trace";

/// The target of the spans of jobs among them.
#[doc(hidden)]
pub const TRACED_JOB: &str = "soa::trace::job";

/// The target of the spans of jobs whose traces are not recorded.
#[doc(hidden)]
pub const LOG: &str = "soa::job";

/// The field that says how long a request was queued, in microseconds.
#[doc(hidden)]
pub const WAITED: &str = "soa.waited_us";

/// How many lots there are, see [`TraceParent::lot`].
const LOTS: u64 = 1 << 56;

/// Lots below this are recorded.
static SAMPLED: AtomicU64 = AtomicU64::new(LOTS);

/// Which share of the traces that begin in this process is recorded: 1, the default, for all of them, 0 for none. What
/// comes in with a `traceparent` keeps to what that says.
///
/// A trace that is not recorded costs next to nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the product is between 0 and 2^56, which a float has exactly"
)]
pub fn sample_traces(share: f64) {
    let lots = (share.clamp(0.0, 1.0) * LOTS as f64) as u64;
    SAMPLED.store(lots, Ordering::Relaxed);
}

/// Whether anybody wants the spans of traces.
fn is_wanted() -> bool {
    span_enabled!(target: TRACE, Level::INFO, "trace")
}

/// A trace that begins here.
fn begin() -> TraceParent {
    let trace = TraceParent::root();
    trace.sampled(trace.lot() < SAMPLED.load(Ordering::Relaxed))
}

/// The span of a call; the context tells the called service of it.
pub(crate) fn call(service: &str, actions: &[ActionRequest], context: &mut ContextHeader) -> Span {
    if !is_wanted() {
        return Span::none();
    }
    let inherited = context.trace_parent;
    if inherited.is_some_and(|parent| !parent.is_sampled()) {
        return Span::none();
    }
    let around = otel::current();
    let parent = around.or(inherited);
    let place = parent.map_or_else(begin, TraceParent::child);
    context.trace_parent = Some(place);
    if !place.is_sampled() {
        return Span::none();
    }
    let method = &*first_of(actions);
    let span = info_span!(
        target: TRACE,
        "call",
        otel.name = format!("{service}/{method}"),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        rpc.system = "soa",
        rpc.service = service,
        rpc.method = method,
        soa.actions = count(actions),
        correlation_id = &*redact::name(&context.correlation_id),
        "error.type" = tracing::field::Empty,
        trace_id = tracing::field::Empty,
        span_id = tracing::field::Empty,
        parent_id = tracing::field::Empty,
    );
    // Around the call there may be spans of the caller's own, which are nearer than what was inherited.
    let remote = if around.is_some() { None } else { inherited };
    let place = adopt(&span, place, remote, context.trace_state.as_deref());
    context.trace_parent = Some(place);
    span
}

/// The span of a request on its way to the queue; within a call.
pub(crate) fn send(call: &Span, service: &str) -> Span {
    if call.is_none() {
        return Span::none();
    }
    info_span!(
        target: TRACE,
        parent: call,
        "send",
        otel.name = format!("send {service}"),
        otel.kind = "producer",
        messaging.system = "soa",
        "messaging.operation.type" = "send",
        messaging.destination.name = service,
    )
}

/// How a call ended, for its span.
pub(crate) fn answered(span: &Span, outcome: &Result<JobResponse, ClientError>) {
    if span.is_none() {
        return;
    }
    match outcome {
        Ok(response) => {
            let of_actions = response.actions.iter().flat_map(|action| &action.errors);
            if let Some(error) = response.errors.iter().chain(of_actions).next() {
                failed(span, &error.code);
            }
        }
        Err(error) => failed(span, error.kind().as_str()),
    }
}

/// The span of a job, and the place in the trace from which its actions call. `waited` is for how long it was queued.
pub(crate) fn job(service: &str, job: &mut JobRequest, waited: Option<Duration>) -> Span {
    let method = &*first_of(&job.actions);
    let context = &mut job.context;
    let inherited = context.trace_parent;
    // Nothing is made for a trace that is known not to be recorded.
    if inherited.is_none_or(|parent| parent.is_sampled()) && is_wanted() {
        let place = inherited.map_or_else(begin, TraceParent::child);
        if place.is_sampled() {
            let state = context.trace_state.as_deref();
            if let Some(waited) = waited {
                queued(service, waited, place, inherited, state);
            }
            let span = error_span!(
                target: TRACED_JOB,
                "job",
                otel.name = format!("{service}/{method}"),
                otel.kind = "server",
                otel.status_code = tracing::field::Empty,
                rpc.system = "soa",
                service,
                action = method,
                soa.actions = count(&job.actions),
                correlation_id = &*redact::name(&context.correlation_id),
                "error.type" = tracing::field::Empty,
                trace_id = tracing::field::Empty,
                span_id = tracing::field::Empty,
                parent_id = tracing::field::Empty,
            );
            let place = adopt(&span, place, inherited, state);
            // The log's lines tell it, whoever has made it.
            let text = place.to_string();
            span.record("trace_id", text.get(3..35));
            context.trace_parent = Some(place);
            return span;
        }
        // It begins here, and what is called keeps to it.
        context.trace_parent = Some(place);
    }
    error_span!(
        target: LOG,
        "job",
        service,
        action = method,
        correlation_id = &*redact::name(&context.correlation_id),
    )
}

/// The time in the queue is over when it is known, so its span has no length but says how long it was; what goes to
/// OpenTelemetry begins so much earlier.
fn queued(
    service: &str,
    waited: Duration,
    place: TraceParent,
    parent: Option<TraceParent>,
    state: Option<&str>,
) {
    // OpenTelemetry knows signed numbers only.
    let waited = i64::try_from(waited.as_micros()).unwrap_or(i64::MAX);
    let span = info_span!(
        target: TRACE,
        "queue",
        otel.name = format!("queue {service}"),
        otel.kind = "consumer",
        messaging.system = "soa",
        "messaging.operation.type" = "receive",
        messaging.destination.name = service,
        { WAITED } = waited,
        trace_id = tracing::field::Empty,
        span_id = tracing::field::Empty,
        parent_id = tracing::field::Empty,
    );
    adopt(&span, place.child(), parent, state);
}

/// The span of an action, and the place from which it calls.
pub(crate) fn action(
    service: &str,
    action: &str,
    job: &ContextHeader,
) -> (Span, Option<TraceParent>) {
    let place = job.trace_parent;
    let Some(parent) = place.filter(|parent| parent.is_sampled() && is_wanted()) else {
        return (Span::none(), place);
    };
    let action = &*redact::name(action);
    let span = info_span!(
        target: TRACE,
        "action",
        otel.name = action,
        otel.kind = "internal",
        otel.status_code = tracing::field::Empty,
        rpc.service = service,
        rpc.method = action,
        "error.type" = tracing::field::Empty,
        trace_id = tracing::field::Empty,
        span_id = tracing::field::Empty,
        parent_id = tracing::field::Empty,
    );
    // Its parent is the job's span, in which it is made.
    let place = match otel::place(&span) {
        Some(place) => place,
        None => adopt(&span, parent.child(), Some(parent), None),
    };
    (span, Some(place))
}

/// Notes errors with the span that runs.
pub(crate) fn note_errors(errors: &[WireError]) {
    if let Some(error) = errors.first() {
        failed(&Span::current(), &error.code);
    }
}

fn failed(span: &Span, code: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", &*redact::name(code));
}

/// OpenTelemetry knows signed numbers only.
fn count(actions: &[ActionRequest]) -> i64 {
    i64::try_from(actions.len()).unwrap_or(i64::MAX)
}

fn first_of(actions: &[ActionRequest]) -> Cow<'_, str> {
    let first = actions.first();
    first.map_or(Cow::Borrowed(""), |request| redact::name(&request.action))
}

/// The place that a span has: what OpenTelemetry gives it, or `place`, which the span then tells.
fn adopt(
    span: &Span,
    place: TraceParent,
    parent: Option<TraceParent>,
    state: Option<&str>,
) -> TraceParent {
    if let Some(parent) = parent {
        otel::set_parent(span, parent, state);
    }
    if let Some(place) = otel::place(span) {
        return place;
    }
    let text = place.to_string();
    let ids = text.get(3..35).zip(text.get(36..52));
    if let Some((trace_id, span_id)) = ids {
        span.record("trace_id", trace_id);
        span.record("span_id", span_id);
    }
    if let Some(parent) = parent.map(|parent| parent.to_string()) {
        span.record("parent_id", parent.get(36..52));
    }
    place
}

/// The ids that OpenTelemetry gives to spans.
#[cfg(feature = "otlp")]
mod otel {
    use std::str::FromStr as _;

    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    use crate::message::TraceParent;

    /// The place of the span around here.
    pub(super) fn current() -> Option<TraceParent> {
        place(&Span::current())
    }

    /// The place of a span; from here on it has its parent.
    pub(super) fn place(span: &Span) -> Option<TraceParent> {
        let context = span.context();
        let span = context.span();
        let ids = span.span_context();
        let (trace_id, span_id) = (ids.trace_id().to_bytes(), ids.span_id().to_bytes());
        TraceParent::new(trace_id, span_id, ids.is_sampled())
    }

    pub(super) fn set_parent(span: &Span, parent: TraceParent, state: Option<&str>) {
        let flags = TraceFlags::default().with_sampled(parent.is_sampled());
        let state = state.map(TraceState::from_str).and_then(Result::ok);
        let parent = SpanContext::new(
            TraceId::from_bytes(parent.trace_id()),
            SpanId::from_bytes(parent.span_id()),
            flags,
            true,
            state.unwrap_or_default(),
        );
        // Without its layer there is nothing that had a parent.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Nobody gives ids to spans.
#[cfg(not(feature = "otlp"))]
mod otel {
    use tracing::Span;

    use crate::message::TraceParent;

    pub(super) fn current() -> Option<TraceParent> {
        None
    }

    pub(super) fn place(_: &Span) -> Option<TraceParent> {
        None
    }

    pub(super) fn set_parent(_: &Span, _: TraceParent, _: Option<&str>) {}
}
