//! Traces to a collector of OpenTelemetry, by OTLP over HTTP with protobuf.
//!
//! ```text
//! spans ─▶ layer (tracing-opentelemetry) ─▶ queue, bounded ─▶ a thread of its own ─▶ collector
//! ```
//!
//! Calls and jobs put finished spans into the queue and never wait. Spans that do not fit are dropped. The thread sends a
//! batch at the interval of the settings, by an HTTP client ([`collector`]) that does not use the runtime of the service,
//! which may be busy or gone. A collector that is down costs spans and a line in the log.
//!
//! The decision to record a trace is made before its spans ([`trace`](soa_runtime::observe::trace)), so the SDK samples
//! nothing. Spans and events of the program itself are sent if they are inside of recorded spans.

mod collector;
mod exporter;
mod pipeline;

pub(super) use pipeline::{Export, start};
