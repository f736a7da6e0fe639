//! The envelope of a request, found in one pass: spans and scalars, borrowed from the frame.

use std::borrow::Cow;
use std::ops::Range;

use super::cursor::{Cursor, Fault};
use super::json::Json;
use super::msgpack::MessagePack;
use crate::codec::{Encoding, Kind};
use crate::message::{SwitchSet, TraceParent};

/// The key of the time at which a client of this framework has sent a request, if that does not follow from
/// `__expiry__`.
pub(super) const SENT_KEY: &str = "__sent__";

/// The envelope of a request.
///
/// Finding it is cheap, for servers and for tools that watch a queue: only the few scalars that the protocol itself
/// needs are decoded. It is filled in place, part by part, as its parts are too large to be returned.
#[derive(Debug, Default)]
pub struct Envelope<'a> {
    pub(super) request_id: Option<Range<usize>>,
    pub(super) meta: Meta<'a>,
    pub(super) job_span: Option<Range<usize>>,
    pub(super) job: Job<'a>,
}

/// The entries of the meta map that the protocol itself needs.
#[derive(Debug, Default)]
pub(super) struct Meta<'a> {
    pub(super) span: Option<Range<usize>>,
    pub(super) reply_to: ReplyTo<'a>,
    /// Unix seconds.
    pub(super) expiry: Option<f64>,
    /// Unix seconds, if the sender sends it.
    pub(super) sent: Option<f64>,
    pub(super) has_invalid_expiry: bool,
    pub(super) client_version: ClientVersion,
}

#[derive(Debug, Default)]
pub(super) enum ReplyTo<'a> {
    #[default]
    Absent,
    /// A value that is not text.
    Invalid,
    Name(Cow<'a, [u8]>),
}

/// The version of the client, reduced to the one fact that matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClientVersion {
    /// Not given: counts as 0.40.0 (protocol, section 1).
    #[default]
    Absent,
    Invalid,
    /// True if it is at least 0.70.0, which brought `is_caller_error`.
    Known {
        has_caller_errors: bool,
    },
}

/// The job.
#[derive(Debug, Default)]
pub(super) struct Job<'a> {
    /// True if the job is well-formed. Otherwise the rest is only partly filled, and the job's span has to be diagnosed.
    pub(super) is_valid: bool,
    pub(super) control: Control,
    pub(super) context: Context<'a>,
    pub(super) actions: Vec<(Cow<'a, str>, Option<Range<usize>>)>,
}

#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) span: Range<usize>,
    pub(super) continue_on_error: Option<bool>,
    pub(super) suppress_response: Option<bool>,
    pub(super) has_extra: bool,
}

#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    pub(super) span: Range<usize>,
    pub(super) correlation_id: Option<Cow<'a, str>>,
    pub(super) switches: Option<SwitchSet>,
    pub(super) caller: Option<Cow<'a, str>>,
    pub(super) calling_service: Option<Cow<'a, str>>,
    pub(super) trace_parent: Option<TraceParent>,
    pub(super) trace_state: Option<Cow<'a, str>>,
    pub(super) has_extra: bool,
}

impl<'a> Envelope<'a> {
    /// Finds the envelope of a request in the payload of a frame.
    ///
    /// Returns `None` if the payload is not one whole map in this encoding.
    pub fn find(encoding: Encoding, payload: &'a [u8]) -> Option<Self> {
        Self::read(encoding, payload).ok()
    }

    pub(super) fn read(encoding: Encoding, payload: &'a [u8]) -> Result<Self, Fault> {
        let mut envelope = Self::default();
        match encoding {
            Encoding::Json => {
                // Separators and brackets are checked in a pass of their own; the scan relies on it.
                let mut check = Json::new(payload);
                check.skip()?;
                check.end()?;
                envelope.scan(Json::new(payload))?;
            }
            Encoding::MessagePack => envelope.scan(MessagePack::new(payload))?,
        }
        Ok(envelope)
    }

    /// The actions of the job: their names and, if they have bodies, the spans of these in the payload. Empty if the job
    /// is malformed.
    pub fn actions(&self) -> impl Iterator<Item = (&str, Option<Range<usize>>)> {
        let actions = self.job.actions.iter().filter(|_| self.job.is_valid);
        actions.map(|(name, span)| (&**name, span.clone()))
    }

    /// The name of the list for the response.
    pub fn reply_to(&self) -> Option<&str> {
        match &self.meta.reply_to {
            ReplyTo::Name(name) => std::str::from_utf8(name).ok(),
            _ => None,
        }
    }

    fn scan<C: Cursor<'a>>(&mut self, mut cursor: C) -> Result<(), Fault> {
        if cursor.kind()? != Kind::Map {
            return Err(Fault {
                at: cursor.at(),
                what: "the message is not a map",
            });
        }
        let mut entries = cursor.enter()?;
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            match key.name() {
                b"request_id" => {
                    let is_nil = cursor.kind()? == Kind::Nil;
                    let span = skipped(&mut cursor)?;
                    self.request_id = (!is_nil).then_some(span);
                }
                b"meta" => {
                    self.meta = Meta::default();
                    self.meta.scan(&mut cursor)?;
                }
                b"body" => {
                    cursor.kind()?;
                    let start = cursor.at();
                    self.job = Job::default();
                    self.job.is_valid = self.job.scan(&mut cursor)?;
                    if !self.job.is_valid {
                        cursor = cursor.moved_to(start);
                        cursor.skip()?;
                    }
                    self.job_span = Some(start..cursor.at());
                }
                _ => cursor.skip()?,
            }
        }
        cursor.end()
    }
}

/// Passes over a value and gives its span.
pub(super) fn skipped<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Range<usize>, Fault> {
    cursor.kind()?; // JSON: stands on the first byte of the value from here on.
    let start = cursor.at();
    cursor.skip()?;
    Ok(start..cursor.at())
}

impl<'a> Meta<'a> {
    fn scan<C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<(), Fault> {
        if cursor.kind()? != Kind::Map {
            self.reply_to = ReplyTo::Invalid;
            return cursor.skip();
        }
        let start = cursor.at();
        let mut entries = cursor.enter()?;
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            match key.name() {
                b"reply_to" => {
                    self.reply_to = match cursor.kind()? {
                        Kind::Text => ReplyTo::Name(cursor.raw_text()?),
                        Kind::Nil => {
                            cursor.skip()?;
                            ReplyTo::Absent
                        }
                        _ => {
                            cursor.skip()?;
                            ReplyTo::Invalid
                        }
                    };
                }
                b"__expiry__" => {
                    self.expiry = None;
                    self.has_invalid_expiry = false;
                    match cursor.kind()? {
                        Kind::Integer | Kind::Float => self.expiry = Some(cursor.number()?),
                        Kind::Nil => cursor.skip()?,
                        _ => {
                            cursor.skip()?;
                            self.has_invalid_expiry = true;
                        }
                    }
                }
                name if name == SENT_KEY.as_bytes() => {
                    self.sent = None;
                    match cursor.kind()? {
                        Kind::Integer | Kind::Float => self.sent = Some(cursor.number()?),
                        _ => cursor.skip()?,
                    }
                }
                b"client_version" => self.client_version = scan_version(cursor)?,
                _ => cursor.skip()?,
            }
        }
        self.span = Some(start..cursor.at());
        Ok(())
    }
}

/// Compares a version as Python compares tuples: `[0, 70]` is less than `[0, 70, 0]`.
fn scan_version<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<ClientVersion, Fault> {
    const CALLER_ERRORS: [i64; 3] = [0, 70, 0];
    if cursor.kind()? != Kind::List {
        cursor.skip()?;
        return Ok(ClientVersion::Invalid);
    }
    let mut is_invalid = false;
    let mut ordering = std::cmp::Ordering::Equal;
    let mut wanted = CALLER_ERRORS.iter();
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        let wanted = wanted.next();
        let is_integer = cursor.kind()? == Kind::Integer;
        match wanted {
            Some(wanted) if is_integer => {
                let part = cursor.integer()?.unwrap_or(i64::MAX);
                ordering = ordering.then(part.cmp(wanted));
                continue;
            }
            // Only a part that decides must be a number: there are versions like `[2, 0, 0, "rc1"]`.
            Some(_) => is_invalid |= ordering.is_eq(),
            None => {}
        }
        cursor.skip()?;
    }
    let is_short = wanted.len() > 0;
    let has_caller_errors = ordering.is_gt() || ordering.is_eq() && !is_short;
    Ok(if is_invalid {
        ClientVersion::Invalid
    } else {
        ClientVersion::Known { has_caller_errors }
    })
}

impl<'a> Job<'a> {
    /// Reads the job. Returns false if it is malformed; the cursor is then anywhere in it.
    fn scan<C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<bool, Fault> {
        if cursor.kind()? != Kind::Map {
            return Ok(false);
        }
        // Of a key that is given twice the last one counts, as in Python, also when the first was wrong.
        let (mut has_control, mut has_context, mut has_actions) = (false, false, false);
        let mut entries = cursor.enter()?;
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            cursor.kind()?;
            let start = cursor.at();
            let (place, is_valid) = match key.name() {
                b"control" => {
                    self.control = Control::default();
                    (&mut has_control, self.control.scan(cursor)?)
                }
                b"context" => {
                    self.context = Context::default();
                    (&mut has_context, self.context.scan(cursor)?)
                }
                b"actions" => {
                    self.actions.clear();
                    (&mut has_actions, self.scan_actions(cursor)?)
                }
                _ => return Ok(false),
            };
            *place = is_valid;
            if !is_valid {
                *cursor = cursor.moved_to(start);
                cursor.skip()?;
            }
        }
        Ok(has_control && has_context && has_actions)
    }

    fn scan_actions<C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<bool, Fault> {
        if cursor.kind()? != Kind::List {
            return Ok(false);
        }
        let mut items = cursor.enter()?;
        while cursor.more(&mut items)? {
            if cursor.kind()? != Kind::Map {
                return Ok(false);
            }
            let (mut name, mut body, mut is_invalid) = (None, None, [false; 2]);
            let mut entries = cursor.enter()?;
            while cursor.more(&mut entries)? {
                let key = cursor.key()?;
                let kind = cursor.kind()?;
                match key.name() {
                    b"action" if kind == Kind::Text => {
                        name = cursor.text()?;
                        is_invalid[0] = name.is_none();
                    }
                    b"action" => {
                        cursor.skip()?;
                        is_invalid[0] = true;
                    }
                    b"body" if kind == Kind::Map => {
                        body = scan_body(cursor)?;
                        is_invalid[1] = body.is_none();
                    }
                    b"body" => {
                        cursor.skip()?;
                        is_invalid[1] = true;
                    }
                    _ => return Ok(false),
                }
            }
            if is_invalid != [false; 2] {
                return Ok(false);
            }
            let Some(name) = name else { return Ok(false) };
            if self.actions.is_empty() {
                // Most jobs are of one action; a vector would start with room for four.
                self.actions.reserve_exact(1);
            }
            self.actions.push((name, body));
        }
        Ok(!self.actions.is_empty())
    }
}

impl Control {
    fn scan<'a, C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<bool, Fault> {
        if cursor.kind()? != Kind::Map {
            return Ok(false);
        }
        let start = cursor.at();
        let (mut is_invalid, mut entries) = ([false; 2], cursor.enter()?);
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            let [continue_invalid, suppress_invalid] = &mut is_invalid;
            let (place, is_invalid) = match key.name() {
                b"continue_on_error" => (&mut self.continue_on_error, continue_invalid),
                b"suppress_response" => (&mut self.suppress_response, suppress_invalid),
                _ => {
                    self.has_extra = true;
                    cursor.skip()?;
                    continue;
                }
            };
            *is_invalid = cursor.kind()? != Kind::Bool;
            if *is_invalid {
                cursor.skip()?;
            } else {
                *place = Some(cursor.boolean()?);
            }
        }
        self.span = start..cursor.at();
        Ok(self.continue_on_error.is_some() && is_invalid == [false; 2])
    }
}

impl<'a> Context<'a> {
    fn scan<C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<bool, Fault> {
        if cursor.kind()? != Kind::Map {
            return Ok(false);
        }
        let start = cursor.at();
        let (mut is_invalid, mut entries) = ([false; 4], cursor.enter()?);
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            let [
                correlation_invalid,
                caller_invalid,
                service_invalid,
                switches_invalid,
            ] = &mut is_invalid;
            let (place, is_invalid) = match key.name() {
                b"correlation_id" => (&mut self.correlation_id, correlation_invalid),
                b"caller" => (&mut self.caller, caller_invalid),
                b"calling_service" => (&mut self.calling_service, service_invalid),
                b"traceparent" => {
                    // No job is refused because of its trace.
                    let text = optional_text(cursor)?;
                    self.trace_parent = text.and_then(|text| TraceParent::parse(&text));
                    continue;
                }
                b"tracestate" => {
                    self.trace_state = optional_text(cursor)?;
                    continue;
                }
                b"switches" => {
                    self.switches = scan_switches(cursor)?;
                    *switches_invalid = self.switches.is_none();
                    continue;
                }
                _ => {
                    self.has_extra = true;
                    cursor.skip()?;
                    continue;
                }
            };
            if cursor.kind()? == Kind::Text {
                *place = cursor.text()?;
                *is_invalid = place.is_none();
            } else {
                cursor.skip()?;
                *is_invalid = true;
            }
        }
        self.span = start..cursor.at();
        let is_whole = self.correlation_id.is_some() && self.switches.is_some();
        Ok(is_whole && is_invalid == [false; 4])
    }
}

/// Reads text. Passes over anything else, and returns `None`.
fn optional_text<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Cow<'a, str>>, Fault> {
    if cursor.kind()? == Kind::Text {
        return cursor.text();
    }
    cursor.skip()?;
    Ok(None)
}

/// Reads a list of integers. Passes over anything else, and returns `None`.
fn scan_switches<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<SwitchSet>, Fault> {
    if cursor.kind()? != Kind::List {
        cursor.skip()?;
        return Ok(None);
    }
    let (mut numbers, mut is_invalid): (Vec<i64>, _) = (Vec::new(), false);
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        if cursor.kind()? != Kind::Integer {
            cursor.skip()?;
            is_invalid = true;
            continue;
        }
        match cursor.integer()? {
            Some(number) => numbers.push(number),
            None => is_invalid = true,
        }
    }
    Ok((!is_invalid).then(|| numbers.into_iter().collect()))
}

/// The span of a body; `None` if it has a key that is not text, which is an error of the job. Errors further inside
/// are those of the action.
fn scan_body<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Range<usize>>, Fault> {
    let start = cursor.at();
    let mut has_invalid_key = false;
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        has_invalid_key |= cursor.kind()? != Kind::Text;
        cursor.key()?;
        cursor.skip()?;
    }
    Ok((!has_invalid_key).then(|| start..cursor.at()))
}
