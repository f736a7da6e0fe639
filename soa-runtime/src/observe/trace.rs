//! Spans of calls and jobs, and the place in a trace that travels with a call.
//!
//! ```text
//! call ─┬─ send                          client: the call; until it is on its way
//!       └─ queue · job ── action ── call …   server: until it is taken; the job; each action of it
//! ```
//!
//! A job always has one span, so that its log lines have its correlation id. All other spans, whose target is
//! [`TRACE`], are made only for sampled traces. [`sample_traces`] decides that where a trace begins, and the decision
//! travels with it: in `traceparent`, a part of the context, even through services that do not trace. If no subscriber
//! wants spans of that target, nothing is decided, and a `traceparent` is passed on unchanged.
//!
//! The ids are those of OpenTelemetry if its layer is installed (feature `otlp`), and otherwise our own, in fields of
//! the spans. Fields have OpenTelemetry's names if it has one. They are texts, which logs escape; names and ids in them
//! are truncated, as peers choose them.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{Level, Span, error_span, info_span, span_enabled};

use crate::error::ClientError;
use crate::message::{
    ActionRequest, ContextHeader, JobRequest, JobResponse, TraceParent, WireError,
};
use crate::redact;

/// The target of spans of sampled traces.
#[doc(hidden)]
pub const TRACE: &str = "soa::trace";

/// The target of the spans of jobs in sampled traces.
#[doc(hidden)]
pub const TRACED_JOB: &str = "soa::trace::job";

/// The target of the spans of jobs in other traces.
#[doc(hidden)]
pub const LOG: &str = "soa::job";

/// The name of the field with the time in the queue, in microseconds.
#[doc(hidden)]
pub const WAITED: &str = "soa.waited_us";

/// The number of lots; see [`TraceParent::lot`].
const LOT_COUNT: u64 = 1 << 56;

/// The limit below which lots are sampled.
static SAMPLED_LOTS: AtomicU64 = AtomicU64::new(LOT_COUNT);

/// Sets the share of the traces that begin in this process to be recorded: 1, the default, for all of them, 0 for none.
/// Traces that come in with a `traceparent` follow its own flag.
///
/// A trace that is not recorded costs next to nothing.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::observe::sample_traces;
///
/// // Record every hundredth trace.
/// sample_traces(0.01);
/// ```
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the product is between 0 and 2^56, which a float has exactly"
)]
pub fn sample_traces(share: f64) {
    let lots = (share.clamp(0.0, 1.0) * LOT_COUNT as f64) as u64;
    SAMPLED_LOTS.store(lots, Ordering::Relaxed);
}

/// Returns true if a subscriber wants the spans of traces.
fn is_wanted() -> bool {
    span_enabled!(target: TRACE, Level::INFO, "trace")
}

/// Begins a trace.
fn begin() -> TraceParent {
    let trace = TraceParent::root();
    trace.sampled(trace.lot() < SAMPLED_LOTS.load(Ordering::Relaxed))
}

/// Makes the span of a call, and puts its place into the context for the called service.
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
    // A span of the caller around the call is a closer parent than the inherited one.
    let remote = if around.is_some() { None } else { inherited };
    let place = adopt(&span, place, remote, context.trace_state.as_deref());
    context.trace_parent = Some(place);
    span
}

/// Makes the span of a request on its way to the queue, within a call.
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

/// Records the end of a call in its span.
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

/// Makes the span of a job, and puts its place into the context for its actions. `waited` is the time in the queue.
pub(crate) fn job(service: &str, job: &mut JobRequest, waited: Option<Duration>) -> Span {
    let method = &*first_of(&job.actions);
    let context = &mut job.context;
    let inherited = context.trace_parent;
    // Nothing is made for a trace that is not sampled.
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
            // Log lines contain the trace id, whether it is OpenTelemetry's or our own.
            let text = place.to_string();
            span.record("trace_id", text.get(3..35));
            context.trace_parent = Some(place);
            return span;
        }
        // The trace begins here, and called services follow the decision.
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

/// Makes the span of the time in the queue. That time is known only when it is over, so the span has no length but a
/// field with the time; the exporter to OpenTelemetry moves its start.
fn queued(
    service: &str,
    waited: Duration,
    place: TraceParent,
    parent: Option<TraceParent>,
    state: Option<&str>,
) {
    // OpenTelemetry has signed numbers only.
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

/// Makes the span of an action, and returns the place in the trace for its calls.
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
    // Its parent is the span of the job, in which it is made.
    let place = match otel::place(&span) {
        Some(place) => place,
        None => adopt(&span, parent.child(), Some(parent), None),
    };
    (span, Some(place))
}

/// Records errors in the current span.
pub(crate) fn note_errors(errors: &[WireError]) {
    if let Some(error) = errors.first() {
        failed(&Span::current(), &error.code);
    }
}

fn failed(span: &Span, code: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", &*redact::name(code));
}

/// Returns the number of actions, signed, as OpenTelemetry has signed numbers only.
fn count(actions: &[ActionRequest]) -> i64 {
    i64::try_from(actions.len()).unwrap_or(i64::MAX)
}

fn first_of(actions: &[ActionRequest]) -> Cow<'_, str> {
    let first = actions.first();
    first.map_or(Cow::Borrowed(""), |request| redact::name(&request.action))
}

/// Returns the place of a span: that of OpenTelemetry, or otherwise `place`, which is recorded in the span.
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

/// The ids of spans from OpenTelemetry.
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

    /// Returns the place of the current span.
    pub(super) fn current() -> Option<TraceParent> {
        place(&Span::current())
    }

    /// Returns the place of a span, whose parent is fixed from here on.
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
        // The error is that OpenTelemetry's layer is missing, and then there is no parent either.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Spans have no ids without OpenTelemetry.
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
