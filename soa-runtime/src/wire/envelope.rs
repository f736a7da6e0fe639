//! The envelope of a request, found in one pass: spans and scalars, borrowed from the frame.

use std::borrow::Cow;
use std::ops::Range;

use super::cursor::{Cursor, Fault, Kind};
use super::json::Json;
use super::msgpack::MessagePack;
use crate::codec::Encoding;
use crate::message::SwitchSet;

/// The envelope of a request.
///
/// This is the cheap look at a message, for servers and for tools that watch a queue: nothing is decoded but
/// the few scalars that the protocol itself needs.
#[derive(Debug)]
pub struct Envelope<'a> {
    pub(super) request_id: Option<Range<usize>>,
    pub(super) meta: Meta<'a>,
    pub(super) job_span: Option<Range<usize>>,
    /// `None` where the job is not what it should be: `job_span` is looked at slowly then.
    pub(super) job: Option<Job<'a>>,
}

/// What the protocol itself needs of the meta map.
#[derive(Debug, Default)]
pub(super) struct Meta<'a> {
    pub(super) span: Option<Range<usize>>,
    pub(super) reply_to: ReplyTo<'a>,
    /// Unix seconds.
    pub(super) expiry: Option<f64>,
    pub(super) has_odd_expiry: bool,
    pub(super) client_version: ClientVersion,
}

#[derive(Debug, Default)]
pub(super) enum ReplyTo<'a> {
    #[default]
    Absent,
    /// Something that is no text.
    Odd,
    Name(Cow<'a, str>),
}

/// The version of the client, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClientVersion {
    /// Not given: counts as 0.40.0 (protocol, section 1).
    #[default]
    Absent,
    Odd,
    /// Whether it is at least 0.70.0, which brought `is_caller_error`.
    Known { has_caller_errors: bool },
}

/// A job that is what it should be.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) control: Control,
    pub(super) context: Context<'a>,
    pub(super) actions: Vec<(Cow<'a, str>, Option<Range<usize>>)>,
}

#[derive(Debug)]
pub(super) struct Control {
    pub(super) span: Range<usize>,
    pub(super) continue_on_error: bool,
    pub(super) suppress_response: Option<bool>,
    pub(super) has_extra: bool,
}

#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) span: Range<usize>,
    pub(super) correlation_id: Cow<'a, str>,
    pub(super) switches: SwitchSet,
    pub(super) caller: Option<Cow<'a, str>>,
    pub(super) calling_service: Option<Cow<'a, str>>,
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
        match encoding {
            Encoding::Json => {
                // Separators and brackets are checked in a pass of their own; the scan relies on it.
                let mut check = Json::new(payload);
                check.skip()?;
                check.end()?;
                scan(Json::new(payload))
            }
            _ => scan(MessagePack::new(payload)),
        }
    }

    /// The actions of the job: their names and the spans of their bodies in the payload, where they have
    /// one. Nothing when the job is malformed.
    pub fn actions(&self) -> impl Iterator<Item = (&str, Option<Range<usize>>)> {
        let actions = self.job.iter().flat_map(|job| &job.actions);
        actions.map(|(name, span)| (&**name, span.clone()))
    }

    /// Where the response goes.
    pub fn reply_to(&self) -> Option<&str> {
        match &self.meta.reply_to {
            ReplyTo::Name(name) => Some(name),
            _ => None,
        }
    }
}

fn scan<'a, C: Cursor<'a>>(mut cursor: C) -> Result<Envelope<'a>, Fault> {
    let mut envelope = Envelope {
        request_id: None,
        meta: Meta::default(),
        job_span: None,
        job: None,
    };
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
                envelope.request_id = (!is_nil).then_some(span);
            }
            b"meta" => envelope.meta = scan_meta(&mut cursor)?,
            b"body" => {
                cursor.kind()?;
                let start = cursor.at();
                envelope.job = scan_job(&mut cursor)?;
                if envelope.job.is_none() {
                    cursor = cursor.moved_to(start);
                    cursor.skip()?;
                }
                envelope.job_span = Some(start..cursor.at());
            }
            _ => cursor.skip()?,
        }
    }
    cursor.end()?;
    Ok(envelope)
}

/// Passes over a value and gives its span.
pub(super) fn skipped<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Range<usize>, Fault> {
    cursor.kind()?; // JSON: stands on the first byte of the value from here on.
    let start = cursor.at();
    cursor.skip()?;
    Ok(start..cursor.at())
}

fn scan_meta<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Meta<'a>, Fault> {
    let mut meta = Meta::default();
    if cursor.kind()? != Kind::Map {
        cursor.skip()?;
        meta.reply_to = ReplyTo::Odd;
        return Ok(meta);
    }
    let start = cursor.at();
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        let key = cursor.key()?;
        match key.name() {
            b"reply_to" => {
                meta.reply_to = match cursor.kind()? {
                    Kind::Text => cursor.text()?.map_or(ReplyTo::Odd, ReplyTo::Name),
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
                meta.expiry = None;
                meta.has_odd_expiry = false;
                match cursor.kind()? {
                    Kind::Integer | Kind::Float => meta.expiry = Some(cursor.number()?),
                    Kind::Nil => cursor.skip()?,
                    _ => {
                        cursor.skip()?;
                        meta.has_odd_expiry = true;
                    }
                }
            }
            b"client_version" => meta.client_version = scan_version(cursor)?,
            _ => cursor.skip()?,
        }
    }
    meta.span = Some(start..cursor.at());
    Ok(meta)
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

/// `None` for a job that is not what it should be; the cursor is anywhere in it then.
fn scan_job<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Job<'a>>, Fault> {
    if cursor.kind()? != Kind::Map {
        return Ok(None);
    }
    let (mut control, mut context, mut actions) = (None, None, None);
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        let key = cursor.key()?;
        let is_fine = match key.name() {
            b"control" => {
                control = scan_control(cursor)?;
                control.is_some()
            }
            b"context" => {
                context = scan_context(cursor)?;
                context.is_some()
            }
            b"actions" => {
                actions = scan_actions(cursor)?;
                actions.is_some()
            }
            _ => false,
        };
        if !is_fine {
            return Ok(None);
        }
    }
    Ok(match (control, context, actions) {
        (Some(control), Some(context), Some(actions)) => Some(Job {
            control,
            context,
            actions,
        }),
        _ => None,
    })
}

fn scan_control<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Control>, Fault> {
    if cursor.kind()? != Kind::Map {
        return Ok(None);
    }
    let start = cursor.at();
    let (mut continue_on_error, mut suppress_response, mut has_extra) = (None, None, false);
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        let key = cursor.key()?;
        let place = match key.name() {
            b"continue_on_error" => &mut continue_on_error,
            b"suppress_response" => &mut suppress_response,
            _ => {
                has_extra = true;
                cursor.skip()?;
                continue;
            }
        };
        if cursor.kind()? != Kind::Bool {
            return Ok(None);
        }
        *place = Some(cursor.boolean()?);
    }
    Ok(continue_on_error.map(|continue_on_error| Control {
        span: start..cursor.at(),
        continue_on_error,
        suppress_response,
        has_extra,
    }))
}

fn scan_context<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Context<'a>>, Fault> {
    if cursor.kind()? != Kind::Map {
        return Ok(None);
    }
    let start = cursor.at();
    let (mut correlation_id, mut caller, mut calling_service) = (None, None, None);
    let (mut switches, mut has_extra) = (None, false);
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        let key = cursor.key()?;
        let place = match key.name() {
            b"correlation_id" => &mut correlation_id,
            b"caller" => &mut caller,
            b"calling_service" => &mut calling_service,
            b"switches" => {
                switches = scan_switches(cursor)?;
                if switches.is_none() {
                    return Ok(None);
                }
                continue;
            }
            _ => {
                has_extra = true;
                cursor.skip()?;
                continue;
            }
        };
        if cursor.kind()? != Kind::Text {
            return Ok(None);
        }
        *place = cursor.text()?;
        if place.is_none() {
            return Ok(None);
        }
    }
    let span = start..cursor.at();
    Ok(correlation_id.zip(switches).map(|(correlation_id, switches)| Context {
        span,
        correlation_id,
        switches,
        caller,
        calling_service,
        has_extra,
    }))
}

fn scan_switches<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<SwitchSet>, Fault> {
    if cursor.kind()? != Kind::List {
        return Ok(None);
    }
    let mut numbers: Vec<i64> = Vec::new();
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        if cursor.kind()? != Kind::Integer {
            return Ok(None);
        }
        match cursor.integer()? {
            Some(number) => numbers.push(number),
            None => return Ok(None),
        }
    }
    Ok(Some(numbers.into_iter().collect()))
}

type Actions<'a> = Vec<(Cow<'a, str>, Option<Range<usize>>)>;

fn scan_actions<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Actions<'a>>, Fault> {
    if cursor.kind()? != Kind::List {
        return Ok(None);
    }
    let mut actions = Vec::with_capacity(1);
    let mut items = cursor.enter()?;
    while cursor.more(&mut items)? {
        if cursor.kind()? != Kind::Map {
            return Ok(None);
        }
        let (mut name, mut body) = (None, None);
        let mut entries = cursor.enter()?;
        while cursor.more(&mut entries)? {
            let key = cursor.key()?;
            match (key.name(), cursor.kind()?) {
                (b"action", Kind::Text) => name = cursor.text()?,
                (b"body", Kind::Map) => {
                    body = scan_body(cursor)?;
                    if body.is_none() {
                        return Ok(None);
                    }
                }
                _ => return Ok(None),
            }
        }
        match name {
            Some(name) => actions.push((name, body)),
            None => return Ok(None),
        }
    }
    Ok((!actions.is_empty()).then_some(actions))
}

/// The span of a body; `None` when it has a key that is not text, which is an error of the job. What is
/// wrong further inside is the action's business.
fn scan_body<'a, C: Cursor<'a>>(cursor: &mut C) -> Result<Option<Range<usize>>, Fault> {
    let start = cursor.at();
    let mut entries = cursor.enter()?;
    while cursor.more(&mut entries)? {
        if cursor.kind()? != Kind::Text {
            return Ok(None);
        }
        cursor.key()?;
        cursor.skip()?;
    }
    Ok(Some(start..cursor.at()))
}
