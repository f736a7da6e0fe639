//! The envelope of a request, found in one pass: spans and scalars, borrowed from the frame.

use std::borrow::Cow;
use std::ops::Range;

use super::cursor::{Cursor, Fault, Kind};
use super::json::Json;
use super::msgpack::MessagePack;
use crate::codec::Encoding;
use crate::message::{SwitchSet, TraceParent};

/// The key under which a client of ours says when it has sent a request, where that does not follow from `__expiry__`.
pub(super) const SENT: &str = "__sent__";

/// The envelope of a request.
///
/// This is the cheap look at a message, for servers and for tools that watch a queue: nothing is decoded but
/// the few scalars that the protocol itself needs. It is filled in place, part by part: its parts are too large
/// to be handed around.
#[derive(Debug, Default)]
pub struct Envelope<'a> {
    pub(super) request_id: Option<Range<usize>>,
    pub(super) meta: Meta<'a>,
    pub(super) job_span: Option<Range<usize>>,
    pub(super) job: Job<'a>,
}

/// What the protocol itself needs of the meta map.
#[derive(Debug, Default)]
pub(super) struct Meta<'a> {
    pub(super) span: Option<Range<usize>>,
    pub(super) reply_to: ReplyTo<'a>,
    /// Unix seconds.
    pub(super) expiry: Option<f64>,
    /// Unix seconds, where the sender says so.
    pub(super) sent: Option<f64>,
    pub(super) has_odd_expiry: bool,
    pub(super) client_version: ClientVersion,
}

#[derive(Debug, Default)]
pub(super) enum ReplyTo<'a> {
    #[default]
    Absent,
    /// Something that is no text.
    Odd,
    Name(Cow<'a, [u8]>),
}

/// The version of the client, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClientVersion {
    /// Not given: counts as 0.40.0 (protocol, section 1).
    #[default]
    Absent,
    Odd,
    /// Whether it is at least 0.70.0, which brought `is_caller_error`.
    Known {
        has_caller_errors: bool,
    },
}

/// The job.
#[derive(Debug, Default)]
pub(super) struct Job<'a> {
    /// Whether the job is what it should be. Otherwise the rest is only half filled, and the job's span has to be
    /// looked at slowly.
    pub(super) is_fine: bool,
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
    /// `None` when the payload is not one whole map in this encoding.
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

    /// The actions of the job: their names and the spans of their bodies in the payload, where they have
    /// one. Nothing when the job is malformed.
    pub fn actions(&self) -> impl Iterator<Item = (&str, Option<Range<usize>>)> {
        let actions = self.job.actions.iter().filter(|_| self.job.is_fine);
        actions.map(|(name, span)| (&**name, span.clone()))
    }

    /// Where the response goes.
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
                    self.job.is_fine = self.job.scan(&mut cursor)?;
                    if !self.job.is_fine {
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
            self.reply_to = ReplyTo::Odd;
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
                            ReplyTo::Odd
                        }
                    };
                }
                b"__expiry__" => {
                    self.expiry = None;
                    self.has_odd_expiry = false;
                    match cursor.kind()? {
                        Kind::Integer | Kind::Float => self.expiry = Some(cursor.number()?),
                        Kind::Nil => cursor.skip()?,
                        _ => {
                            cursor.skip()?;
                            self.has_odd_expiry = true;
                        }
                    }
                }
                name if name == SENT.as_bytes() => {
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
        return Ok(ClientVersion::Odd);
    }
    let mut is_odd = false;
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
            Some(_) => is_odd |= ordering.is_eq(),
            None => {}
        }
        cursor.skip()?;
    }
    let is_short = wanted.len() > 0;
    let has_caller_errors = ordering.is_gt() || ordering.is_eq() && !is_short;
    Ok(if is_odd {
        ClientVersion::Odd
    } else {
        ClientVersion::Known { has_caller_errors }
    })
}

impl<'a> Job<'a> {
    /// Whether the job is what it should be. If not, the cursor is anywhere in it.
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
            let (place, is_fine) = match key.name() {
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
            *place = is_fine;
            if !is_fine {
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
            let (mut name, mut body, mut is_odd) = (None, None, [false; 2]);
            let mut entries = cursor.enter()?;
            while cursor.more(&mut entries)? {
                let key = cursor.key()?;
                let kind = cursor.kind()?;
                match key.name() {
                    b"action" if kind == Kind::Text => {
                        name = cursor.text()?;
                        is_odd[0] = name.is_none();
                    }
                    b"action" => {
                        cursor.skip()?;
                        is_odd[0] = true;
                    }
                    b"body" if kind == Kind::Map => {
                        body = scan_body(cursor)?;
                        is_odd[1] = body.is_none();
                    }
                    b"body" => {
                        cursor.skip()?;
                        is_odd[1] = true;
                    }
                    _ => return Ok(false),
                }
            }
            if is_odd != [false; 2] {
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
        let (mut is_odd, mut entries) = ([false; 2], cursor.enter()?);
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            let [continue_odd, suppress_odd] = &mut is_odd;
            let (place, is_odd) = match key.name() {
                b"continue_on_error" => (&mut self.continue_on_error, continue_odd),
                b"suppress_response" => (&mut self.suppress_response, suppress_odd),
                _ => {
                    self.has_extra = true;
                    cursor.skip()?;
                    continue;
                }
            };
            *is_odd = cursor.kind()? != Kind::Bool;
            if *is_odd {
                cursor.skip()?;
            } else {
                *place = Some(cursor.boolean()?);
            }
        }
        self.span = start..cursor.at();
        Ok(self.continue_on_error.is_some() && is_odd == [false; 2])
    }
}

impl<'a> Context<'a> {
    fn scan<C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<bool, Fault> {
        if cursor.kind()? != Kind::Map {
            return Ok(false);
        }
        let start = cursor.at();
        let (mut is_odd, mut entries) = ([false; 4], cursor.enter()?);
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            let [correlation_odd, caller_odd, service_odd, switches_odd] = &mut is_odd;
            let (place, is_odd) = match key.name() {
                b"correlation_id" => (&mut self.correlation_id, correlation_odd),
                b"caller" => (&mut self.caller, caller_odd),
                b"calling_service" => (&mut self.calling_service, service_odd),
                b"traceparent" => {
                    // Nobody's job is refused for how it is traced.
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
                    *switches_odd = self.switches.is_none();
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
                *is_odd = place.is_none();
            } else {
                cursor.skip()?;
                *is_odd = true;
            }
        }
        self.span = start..cursor.at();
        let is_whole = self.correlation_id.is_some() && self.switches.is_some();
        Ok(is_whole && is_odd == [false; 4])
    }
}

/// `None` for anything but text.
fn optional_text<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Cow<'a, str>>, Fault> {
    if cursor.kind()? == Kind::Text {
        return cursor.text();
    }
    cursor.skip()?;
    Ok(None)
}

/// `None` for anything but a list of integers, which is passed over.
fn scan_switches<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<SwitchSet>, Fault> {
    if cursor.kind()? != Kind::List {
        cursor.skip()?;
        return Ok(None);
    }
    let (mut numbers, mut is_odd): (Vec<i64>, _) = (Vec::new(), false);
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        if cursor.kind()? != Kind::Integer {
            cursor.skip()?;
            is_odd = true;
            continue;
        }
        match cursor.integer()? {
            Some(number) => numbers.push(number),
            None => is_odd = true,
        }
    }
    Ok((!is_odd).then(|| numbers.into_iter().collect()))
}

/// The span of a body; `None` when it has a key that is not text, which is an error of the job. What is
/// wrong further inside is the action's business.
fn scan_body<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Range<usize>>, Fault> {
    let start = cursor.at();
    let mut has_odd_key = false;
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        has_odd_key |= cursor.kind()? != Kind::Text;
        cursor.key()?;
        cursor.skip()?;
    }
    Ok((!has_odd_key).then(|| start..cursor.at()))
}
