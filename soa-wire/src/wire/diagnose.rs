//! Diagnosis of a malformed job: all its errors at once.
//!
//! The job is read a second time, slowly: it is rebuilt as a value without the bodies (by pushing, as a peer may send a
//! key ten thousand times), and checked against the protocol's schema of jobs. So the errors have the reference's order,
//! codes and texts.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::cursor::{Cursor, Fault, Key};
use super::envelope::skipped;
use crate::codec::{DecodeError, Encoding, Kind, Map, Value};
use crate::message::{WireError, code};
use crate::schema::{self, Field, Lengths, MAX_ERRORS, Node, Schema};

/// The errors of the job that the cursor stands on, and true if its sender wants no answer.
pub(super) fn diagnose<'a, C: Cursor<'a>>(
    mut cursor: C,
    encoding: Encoding,
    payload: &[u8],
) -> Result<(Vec<WireError>, bool), Fault> {
    let mut diagnosis = Diagnosis {
        encoding,
        payload,
        unreadable: Vec::new(),
    };
    let job = diagnosis.job(&mut cursor)?;
    let unreadable = diagnosis.unreadable;
    let fields: HashSet<Option<&str>> = unreadable
        .iter()
        .map(|error| error.field.as_deref())
        .collect();
    let is_unreadable = |field: &Option<String>| fields.contains(&field.as_deref());
    let mut errors: Vec<WireError> = job_schema()
        .check(&job)
        .into_iter()
        .filter(|error| !is_unreadable(&error.field))
        .map(|error| error.into_wire(false))
        .collect();
    errors.extend(unreadable);
    errors.truncate(MAX_ERRORS);
    let suppress = job
        .get("control")
        .and_then(|control| control.get("suppress_response"));
    Ok((errors, suppress.and_then(Value::as_bool) == Some(true)))
}

struct Diagnosis<'p> {
    encoding: Encoding,
    payload: &'p [u8],
    /// Errors of values that cannot even be decoded.
    unreadable: Vec<WireError>,
}

impl Diagnosis<'_> {
    fn job<'a, C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<Value, Fault> {
        if cursor.kind()? != Kind::Map {
            cursor.skip()?;
            return Ok(Value::Nil);
        }
        let mut job = Map::new();
        let mut entries = cursor.enter()?;
        while cursor.more(&mut entries)? {
            let key = self.key(cursor)?;
            let value = match key.as_str() {
                Some(name @ ("control" | "context")) => self.header(cursor, name)?,
                Some("actions") => self.actions(cursor)?,
                _ => {
                    cursor.skip()?;
                    Value::Nil
                }
            };
            job.push(key, value);
        }
        Ok(Value::Map(job))
    }

    /// Reads a key of any kind, and stands before its value.
    fn key<'a, C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<Value, Fault> {
        cursor.kind()?;
        let start = cursor.at();
        match cursor.key()? {
            // Bytes that are not UTF-8 are replaced.
            Key::Text(key) => Ok(String::from_utf8_lossy(&key).as_ref().into()),
            Key::Other => {
                let bytes = self.payload.get(start..cursor.at()).unwrap_or_default();
                Ok(self
                    .encoding
                    .decode_value(bytes)
                    .unwrap_or_else(|_| "<unreadable>".into()))
            }
        }
    }

    /// Reads the control or the context header value by value, so that one that cannot be decoded does not hide the
    /// errors of the others.
    fn header<'a, C: Cursor<'a>>(&mut self, cursor: &mut C, name: &str) -> Result<Value, Fault> {
        if cursor.kind()? != Kind::Map {
            cursor.skip()?;
            return Ok(Value::Nil);
        }
        let mut header = Map::new();
        let mut entries = cursor.enter()?;
        while cursor.more(&mut entries)? {
            cursor.kind()?;
            let start = cursor.at();
            let key = self.key(cursor)?;
            let end = skipped(cursor)?.end;
            match self.entry(self.payload.get(start..end).unwrap_or_default()) {
                Ok(value) => header.push(key, value),
                Err(error) if self.unreadable.len() < MAX_ERRORS => {
                    let message = format!("The value cannot be read: {error}");
                    let field = format!("{name}.{}", schema::key_text(&key));
                    self.unreadable
                        .push(WireError::server(code::INVALID, message).with_field(field));
                }
                Err(_) => {}
            }
        }
        Ok(Value::Map(header))
    }

    /// The value of one entry of a header, read as a map of that entry alone: so its key is read, too, and counts
    /// as a level of nesting, as it does where the whole header is read.
    fn entry(&self, entry: &[u8]) -> Result<Value, DecodeError> {
        let map = match self.encoding {
            Encoding::Json => [b"{", entry, b"}"].concat(),
            _ => [&[0x81], entry].concat(),
        };
        match self.encoding.decode_value(&map)? {
            Value::Map(map) => Ok(map
                .into_pairs()
                .pop()
                .map_or(Value::Nil, |(_, value)| value)),
            other => Ok(other),
        }
    }

    fn actions<'a, C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<Value, Fault> {
        if cursor.kind()? != Kind::List {
            cursor.skip()?;
            return Ok(Value::Nil);
        }
        let mut actions = Vec::new();
        let mut items = cursor.enter()?;
        while cursor.more(&mut items)? {
            if cursor.kind()? != Kind::Map {
                cursor.skip()?;
                actions.push(Value::Nil);
                continue;
            }
            let mut action = Map::new();
            let mut entries = cursor.enter()?;
            while cursor.more(&mut entries)? {
                let key = self.key(cursor)?;
                let value = match (key.as_str(), cursor.kind()?) {
                    (Some("body"), Kind::Map) => self.body(cursor)?,
                    (Some("action"), Kind::Text) => match cursor.text()? {
                        Some(name) => name.as_ref().into(),
                        None => Value::Nil,
                    },
                    _ => {
                        cursor.skip()?;
                        Value::Nil
                    }
                };
                action.push(key, value);
            }
            actions.push(Value::Map(action));
        }
        Ok(Value::List(actions))
    }

    /// Reads only the keys of a body that are not text: they are errors of the job, all others are those of the action.
    fn body<'a, C: Cursor<'a>>(&mut self, cursor: &mut C) -> Result<Value, Fault> {
        let mut body = Map::new();
        let mut entries = cursor.enter()?;
        while cursor.more(&mut entries)? {
            let is_text = cursor.kind()? == Kind::Text;
            let key = self.key(cursor)?;
            cursor.skip()?;
            if !is_text {
                body.push(key, Value::Nil);
            }
        }
        Ok(Value::Map(body))
    }
}

/// The reference's schema of job requests, in its order.
fn job_schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let field = |name: &str, kind: schema::NodeKind, required| {
            Field::new(name, kind.into_node(), required)
        };
        let text = || schema::NodeKind::TEXT;
        let dictionary = |fields, allow_extra_keys| schema::NodeKind::Dictionary {
            fields,
            extra: schema::ExtraKeys::allowed(allow_extra_keys),
        };
        let list = |contents: schema::NodeKind, min| schema::NodeKind::List {
            contents: Box::new(contents.into_node()),
            lengths: Lengths { min, max: None },
        };
        let integer = schema::NodeKind::Integer {
            bounds: schema::Bounds::default(),
            range: Some((i64::MIN.into(), i64::MAX.into())),
        };
        let control = vec![
            field("continue_on_error", schema::NodeKind::Boolean, true),
            field("suppress_response", schema::NodeKind::Boolean, false),
        ];
        let context = vec![
            field("caller", text(), false),
            field("calling_service", text(), false),
            field("correlation_id", text(), true),
            field("switches", list(integer, None), true),
        ];
        let body = schema::NodeKind::Entries {
            values: Box::new(schema::NodeKind::Anything.into_node()),
            lengths: Lengths::default(),
            keys: schema::Keys::Text,
        };
        let action = vec![field("action", text(), true), field("body", body, false)];
        let job = vec![
            field("control", dictionary(control, true), true),
            field("context", dictionary(context, true), true),
            field("actions", list(dictionary(action, false), Some(1)), true),
        ];
        let root: Node = dictionary(job, false).into_node();
        Schema {
            name: None,
            root,
            definitions: std::collections::HashMap::new(),
        }
    })
}
