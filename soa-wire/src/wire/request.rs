//! Requests: read by servers, written by clients.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::cursor::Cursor;
use super::diagnose::diagnose;
use super::drop_reason::DropReason;
use super::envelope::{ClientVersion, Envelope, Job, Meta, ReplyTo, SENT_KEY, skipped};
use super::expiry::{DEFAULT_LIFETIME, expiry_in, is_expired, now};
use super::frame::{FrameHead, ProtocolVersion};
use super::head::Head;
use super::json::Json;
use super::msgpack::MessagePack;
use super::writer::Writer;
use crate::codec::{EncodeError, Encoding, Map, Value, msgpack};
use crate::message::{
    ActionRequest, Body, CONTEXT_KEYS, CONTROL_KEYS, ContextHeader, Control, JobRequest, WireError,
    code, usable_state,
};
use crate::serializer::{Format, Serializers};

/// A request that can be answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The facts about the request that its answer needs.
    pub head: Head,
    /// The job, or every error of a malformed one.
    pub job: Result<JobRequest, Vec<WireError>>,
    /// The time since the request was sent, by the clocks of two machines; `None` if that is unknown.
    ///
    /// Clients of this framework and of PySOA send the time until which they wait, and for how long they wait (`timeout`
    /// of the control header; 60 s without it). The difference is the time of sending. If it is not, a client of this
    /// framework sends that time as well. The value is wrong for a client of PySOA with another
    /// `message_expiry_in_seconds`.
    pub waited: Option<Duration>,
}

/// The error for a message that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The reason for dropping the message.
    pub reason: DropReason,
    /// The exact fault, without any content of the message.
    pub detail: String,
    /// The time since an [expired](DropReason::Expired) request has expired, by the clocks of two machines. `None` for
    /// other reasons, and for an expiry that is too long ago for a duration.
    pub late: Option<Duration>,
}

impl Unreadable {
    fn new(reason: DropReason, detail: impl ToString) -> Self {
        Self {
            reason,
            detail: detail.to_string(),
            late: None,
        }
    }

    /// The error for a request that has expired.
    fn expired(expiry: f64, now: f64) -> Self {
        Self {
            late: Duration::try_from_secs_f64(now - expiry).ok(),
            ..Self::new(DropReason::Expired, "the request has expired")
        }
    }
}

/// Reads a request frame.
///
/// # Errors
/// Fails if the message cannot be answered (protocol, section 10). The errors of a malformed job that can be answered
/// are in [`Request::job`].
pub fn read_request(frame: &Bytes, serializers: &Serializers) -> Result<Request, Unreadable> {
    read(frame, serializers, Expiry::Counts)
}

/// Reads a request frame whose expiry does not matter: somebody wants it to run all the same.
///
/// # Errors
/// As for [`read_request`], except for its expiry.
#[doc(hidden)]
pub fn read_late_request(frame: &Bytes, serializers: &Serializers) -> Result<Request, Unreadable> {
    read(frame, serializers, Expiry::IsIgnored)
}

/// The meaning of the expiry of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Counts,
    IsIgnored,
}

fn read(frame: &Bytes, serializers: &Serializers, expiry: Expiry) -> Result<Request, Unreadable> {
    let frame_head = FrameHead::read(frame)
        .map_err(|error| Unreadable::new(DropReason::ProtocolVersion, error))?;
    if frame_head.is_chunk() {
        let detail = "requests are never chunked";
        return Err(Unreadable::new(DropReason::ChunkedRequest, detail));
    }
    let format = serializers.format(frame_head.content_type());
    let payload = frame.slice(frame_head.payload_start()..);
    let payload = match &format {
        Format::Own(_) => payload,
        Format::Custom(serializer) => serializer
            .decode(&payload)
            .map_err(|error| error.to_string())
            .and_then(|value| {
                let mut bytes = Vec::new();
                let written = msgpack::encode_value(&value, &mut bytes);
                written
                    .map(|()| Bytes::from(bytes))
                    .map_err(|error| error.to_string())
            })
            .map_err(|detail| Unreadable::new(DropReason::Malformed, detail))?,
    };
    read_payload(frame_head.version(), format, &payload, expiry)
}

fn read_payload(
    version: ProtocolVersion,
    format: Format,
    payload: &Bytes,
    of_request: Expiry,
) -> Result<Request, Unreadable> {
    let encoding = format.encoding();
    let envelope = Envelope::read(encoding, payload)
        .map_err(|fault| Unreadable::new(DropReason::Malformed, fault))?;
    let request_id = envelope
        .request_id
        .clone()
        .and_then(|span| payload.get(span));
    let Some(request_id) = request_id else {
        return Err(Unreadable::new(
            DropReason::RequestId,
            "the request id is missing",
        ));
    };
    if let Err(error) = encoding.decode_value(request_id) {
        return Err(Unreadable::new(DropReason::RequestId, error));
    }
    let reply_to = match &envelope.meta.reply_to {
        ReplyTo::Absent => None,
        ReplyTo::Name(name) if is_reply_list(name) => {
            String::from_utf8(name.to_vec()).ok() // It is ASCII.
        }
        ReplyTo::Name(_) | ReplyTo::Invalid => {
            let detail = "`reply_to` is not the name of a reply list";
            return Err(Unreadable::new(DropReason::ReplyTo, detail));
        }
    };
    let now = now();
    if let Some(expiry) = envelope.meta.expiry
        && of_request == Expiry::Counts
        && is_expired(expiry, now)
    {
        return Err(Unreadable::expired(expiry, now));
    }
    let (job, is_suppressed) = read_job(encoding, payload, &envelope)
        .map_err(|detail| Unreadable::new(DropReason::Malformed, detail))?;
    if reply_to.is_none() && !is_suppressed {
        return Err(Unreadable::new(
            DropReason::ReplyTo,
            "`reply_to` is missing",
        ));
    }
    let meta_span = envelope.meta.span.clone();
    let (meta, meta_length) = meta_span
        .and_then(|span| echoed(encoding, payload.get(..span.end)?, span.start))
        .unwrap_or_default();
    let head = Head {
        version,
        request_id: request_id.to_vec(),
        meta,
        meta_length,
        has_caller_errors: envelope.meta.client_version
            == ClientVersion::Known {
                has_caller_errors: true,
            },
        reply_to,
        is_suppressed,
        expiry: envelope
            .meta
            .expiry
            .filter(|_| of_request == Expiry::Counts),
        format,
    };
    let control = job.as_ref().ok().map(|job| &job.control);
    let waited = control.and_then(|control| waited(&envelope.meta, control, now));
    Ok(Request { head, job, waited })
}

/// The time that a request has waited, see [`Request::waited`].
fn waited(meta: &Meta<'_>, control: &Control, now: f64) -> Option<Duration> {
    let sent = match (meta.sent, meta.expiry) {
        (Some(sent), _) => sent,
        (None, Some(expiry)) if expiry != 0.0 => expiry - patience(control).as_secs_f64(),
        (None, _) => return None,
    };
    let waited = now - sent;
    // A clock that is a little late makes it negative. Beyond that, the clocks cannot be compared.
    (-1.0 < waited).then(|| Duration::try_from_secs_f64(waited.max(0.0)).ok())?
}

/// The lifetime of a request according to its control header.
fn patience(control: &Control) -> Duration {
    control.timeout().unwrap_or(DEFAULT_LIFETIME)
}

/// True if the name is one that clients of the protocol make. Without the `!`, a request could make a server answer
/// into its own request queue, and so for ever.
fn is_reply_list(name: &[u8]) -> bool {
    name.len() <= 512 && name.contains(&b'!') && name.iter().all(|byte| (0x20..0x7f).contains(byte))
}

type ReadJob = (Result<JobRequest, Vec<WireError>>, bool);

/// The job, or its errors; and true if its sender wants no answer.
fn read_job(
    encoding: Encoding,
    payload: &Bytes,
    envelope: &Envelope<'_>,
) -> Result<ReadJob, String> {
    let mut errors = meta_errors(envelope);
    if envelope.job.is_valid
        && let Some(request) = owned_job(encoding, payload, &envelope.job)
    {
        let is_suppressed = request.control.suppress_response == Some(true);
        let job = if errors.is_empty() {
            Ok(request)
        } else {
            Err(errors)
        };
        return Ok((job, is_suppressed));
    }
    let Some(span) = envelope.job_span.clone() else {
        let error = WireError::server(code::INVALID, "Not a dict");
        errors.insert(0, error);
        return Ok((Err(errors), false));
    };
    let found = match encoding {
        Encoding::Json => diagnose(Json::new(payload).moved_to(span.start), encoding, payload),
        _ => diagnose(
            MessagePack::new(payload).moved_to(span.start),
            encoding,
            payload,
        ),
    };
    let (mut found, is_suppressed) = found.map_err(|fault| fault.to_string())?;
    found.append(&mut errors);
    if found.is_empty() {
        // The diagnosis keeps the last of several values of a key, which is valid; the scan found an earlier one
        // that is not.
        let message = "A key is given twice, with different types";
        found.push(WireError::server(code::INVALID, message));
    }
    Ok((Err(found), is_suppressed))
}

fn meta_errors(envelope: &Envelope<'_>) -> Vec<WireError> {
    let mut errors = Vec::new();
    if envelope.meta.client_version == ClientVersion::Invalid {
        let error = WireError::server(code::INVALID, "Not a list of integers");
        errors.push(error.with_field("meta.client_version"));
    }
    if envelope.meta.has_invalid_expiry {
        let error = WireError::server(code::INVALID, "Not a float");
        errors.push(error.with_field("meta.__expiry__"));
    }
    errors
}

/// Makes a job of the scanned parts; `None` if the users' part of a header cannot be decoded.
fn owned_job(encoding: Encoding, payload: &Bytes, job: &Job<'_>) -> Option<JobRequest> {
    let mut context = ContextHeader::new(job.context.correlation_id.as_deref()?);
    context.switches = job.context.switches.clone()?;
    context.caller = job.context.caller.as_deref().map(Into::into);
    context.calling_service = job.context.calling_service.as_deref().map(Into::into);
    context.trace_parent = job.context.trace_parent;
    context.trace_state = job.context.trace_state.as_deref().and_then(usable_state);
    if job.context.has_extra {
        context.extra = extra(encoding, payload, &job.context.span, &CONTEXT_KEYS)?;
    }
    let mut control = Control {
        continue_on_error: job.control.continue_on_error?,
        suppress_response: job.control.suppress_response,
        ..Control::default()
    };
    if job.control.has_extra {
        control.extra = extra(encoding, payload, &job.control.span, &CONTROL_KEYS)?;
    }
    let actions = job
        .actions
        .iter()
        .map(|(name, span)| {
            let body = match span {
                Some(span) => Body::from_bytes(encoding, payload.slice(span.clone())),
                None => Body::empty(encoding),
            };
            ActionRequest::new(name.as_ref(), body)
        })
        .collect();
    Some(JobRequest::new(context, control, actions))
}

/// The users' keys of a header.
fn extra(encoding: Encoding, payload: &Bytes, span: &Range<usize>, known: &[&str]) -> Option<Map> {
    let Ok(Value::Map(map)) = encoding.decode_value(payload.get(span.clone())?) else {
        return None;
    };
    let is_extra = |key: &Value| !key.as_str().is_some_and(|key| known.contains(&key));
    Some(map.into_iter().filter(|(key, _)| is_extra(key)).collect())
}

/// The entries of a meta map that are echoed, joined, and how many there are.
fn echoed(encoding: Encoding, bytes: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    fn entries<'a, C: Cursor<'a>>(
        mut cursor: C,
        bytes: &[u8],
        separator: &[u8],
    ) -> Option<(Vec<u8>, usize)> {
        let mut out = Vec::with_capacity(bytes.len() - cursor.at());
        let mut count = 0;
        let mut left = cursor.enter().ok()?;
        while cursor.more(&mut left).ok()? {
            cursor.kind().ok()?;
            let start = cursor.at();
            let is_expiry = cursor.key().ok()?.name() == b"__expiry__";
            let end = skipped(&mut cursor).ok()?.end;
            if !is_expiry {
                if count > 0 {
                    out.extend_from_slice(separator);
                }
                out.extend_from_slice(bytes.get(start..end)?);
                count += 1;
            }
        }
        Some((out, count))
    }
    match encoding {
        Encoding::Json => entries(Json::new(bytes).moved_to(start), bytes, b", "),
        _ => entries(MessagePack::new(bytes).moved_to(start), bytes, b""),
    }
}

/// Writes a request frame, as a client of the reference's version 1.4.9 does.
///
/// The request expires after `lifetime`.
///
/// # Errors
/// Fails if a body could not be encoded, or the encoding cannot carry the context.
pub fn write_request(
    version: ProtocolVersion,
    encoding: Encoding,
    request_id: i64,
    reply_to: &str,
    lifetime: Duration,
    job: &JobRequest,
) -> Result<Bytes, EncodeError> {
    let mut frame = Vec::with_capacity(512);
    FrameHead::write(version, encoding.content_type(), &mut frame);
    let mut writer = Writer::new(encoding, frame);
    writer.map(3);
    writer.key("request_id");
    writer.integer(request_id);
    writer.key("meta");
    // Sent only if it does not follow from the rest, so the usual request is that of the reference, byte for byte.
    let says_when = lifetime.abs_diff(patience(&job.control)) > Duration::from_millis(1);
    writer.map(if says_when { 4 } else { 3 });
    writer.key("client_version");
    writer.list(3);
    for part in [1, 4, 9] {
        writer.integer(part);
    }
    writer.close();
    writer.key("reply_to");
    writer.text(reply_to);
    writer.key("__expiry__");
    writer.value(&Value::Float(expiry_in(lifetime)))?;
    if says_when {
        writer.key(SENT_KEY);
        writer.value(&Value::Float(now()))?;
    }
    writer.close();
    writer.key("body");
    writer.map(3);
    write_control(&mut writer, &job.control)?;
    write_context(&mut writer, &job.context)?;
    writer.key("actions");
    writer.list(job.actions.len());
    for action in &job.actions {
        writer.map(2);
        writer.key("action");
        writer.text(&action.action);
        writer.key("body");
        writer.body(&action.body)?;
        writer.close();
    }
    writer.close();
    writer.close();
    writer.close();
    Ok(writer.finish().into())
}

/// Writes what [`Control::to_map`] returns.
fn write_control(writer: &mut Writer, control: &Control) -> Result<(), EncodeError> {
    writer.key("control");
    let suppressed = control.suppress_response;
    writer.map(1 + usize::from(suppressed.is_some()) + control.extra().count());
    writer.key("continue_on_error");
    writer.boolean(control.continue_on_error);
    if let Some(suppressed) = suppressed {
        writer.key("suppress_response");
        writer.boolean(suppressed);
    }
    for (key, value) in control.extra() {
        writer.pair(key, value)?;
    }
    writer.close();
    Ok(())
}

/// Writes what [`ContextHeader::to_map`] returns.
fn write_context(writer: &mut Writer, context: &ContextHeader) -> Result<(), EncodeError> {
    let (parent, mut text) = (context.trace_parent, [0; 55]);
    let optional = [
        ("caller", context.caller.as_deref()),
        ("calling_service", context.calling_service.as_deref()),
        ("traceparent", parent.map(|parent| parent.write(&mut text))),
        (
            "tracestate",
            context.trace_state.as_deref().filter(|_| parent.is_some()),
        ),
    ];
    let there = optional.iter().filter(|(_, text)| text.is_some()).count();
    writer.key("context");
    writer.map(2 + there + context.extra().count());
    writer.key("correlation_id");
    writer.text(&context.correlation_id);
    writer.key("switches");
    writer.list(context.switches.iter().count());
    for switch in context.switches.iter() {
        writer.integer(switch.number());
    }
    writer.close();
    for (key, text) in optional {
        if let Some(text) = text {
            writer.key(key);
            writer.text(text);
        }
    }
    for (key, value) in context.extra() {
        writer.pair(key, value)?;
    }
    writer.close();
    Ok(())
}
