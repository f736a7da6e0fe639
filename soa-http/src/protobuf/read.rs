//! Bytes to a value, by the table of a message.
//!
//! Bytes that are not protobuf are an error of the whole. A field whose value does not fit is an error with the field, and the
//! others are read on, so that a caller gets all errors at once.
//!
//! Numbers, keys and lengths are read by prost. It is not asked for whole messages: it cuts integers off at 32 bits, and does
//! not say in which field an error is.

use std::fmt;

use bytes::Bytes;
use prost::encoding::{self, DecodeContext, WireType, decode_key, skip_field};
use prost::{DecodeError, decode_length_delimiter};
use soa_wire::schema::MAX_ERRORS;
use soa_wire::{Map, Value, WireError, code};

use super::message::{Absence, Form, Message, Place, cannot_travel};

/// The greatest number of values that stand for absent fields. An element of a list takes two bytes, and may stand for any
/// number of them.
const MAX_FILLED: usize = 1_000_000;

/// Bytes that are not protobuf.
#[derive(Debug)]
pub(crate) enum Undecodable {
    /// The number and the wire type of a field.
    Key,
    /// A number, or a length.
    Value,
    Group,
    Truncated,
    TooManyAbsent,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("the key of a field is malformed"),
            Self::Value => f.write_str("the value of a field is malformed"),
            Self::Group => {
                f.write_str("a group does not end as it should, or has too many groups within")
            }
            Self::Truncated => f.write_str("a field is longer than what is left"),
            Self::TooManyAbsent => write!(f, "more than {MAX_FILLED} fields are absent"),
        }
    }
}

impl From<DecodeError> for Undecodable {
    fn from(_: DecodeError) -> Self {
        Self::Value
    }
}

/// Reads a message: its fields by their names, and an error for each value that does not fit. Such a value is nil.
///
/// # Errors
/// The bytes are not protobuf.
pub(crate) fn message(
    message: &Message,
    body: &[u8],
) -> Result<(Value, Vec<WireError>), Undecodable> {
    let mut reader = Reader {
        path: Vec::new(),
        errors: Vec::new(),
        filled: 0,
    };
    let mut partial = Partial::new(message);
    reader.merge(&mut partial, body)?;
    let value = reader.finish(partial)?;
    Ok((value, reader.errors))
}

struct Reader<'t> {
    path: Vec<Step<'t>>,
    errors: Vec<WireError>,
    filled: usize,
}

/// A step to a field.
enum Step<'t> {
    Key(&'t str),
    Index(usize),
}

/// A message that is being read. It may come in parts.
struct Partial<'t> {
    message: &'t Message,
    slots: Vec<Slot<'t>>,
}

enum Slot<'t> {
    Absent,
    One(Value),
    Many(Vec<Value>),
    Message(Partial<'t>),
}

impl<'t> Partial<'t> {
    fn new(message: &'t Message) -> Self {
        let slots = message.fields.iter().map(|_| Slot::Absent);
        Self {
            message,
            slots: slots.collect(),
        }
    }
}

impl<'t> Reader<'t> {
    fn merge(&mut self, partial: &mut Partial<'t>, mut body: &[u8]) -> Result<(), Undecodable> {
        while !body.is_empty() {
            let (number, wire) = decode_key(&mut body).map_err(|_| Undecodable::Key)?;
            let found = partial.message.field(number);
            let slot = found.and_then(|(at, place)| Some((place, partial.slots.get_mut(at)?)));
            let Some((place, slot)) = slot else {
                // Of a newer caller.
                skip(wire, number, &mut body)?;
                continue;
            };
            self.path.push(Step::Key(&place.key));
            match place.is_list {
                true => self.list(place, slot, number, wire, &mut body)?,
                false => self.single(place, slot, number, wire, &mut body)?,
            }
            self.path.pop();
        }
        Ok(())
    }

    fn single(
        &mut self,
        place: &'t Place,
        slot: &mut Slot<'t>,
        number: u32,
        wire: WireType,
        body: &mut &[u8],
    ) -> Result<(), Undecodable> {
        match &place.form {
            Form::Message(message) if wire == WireType::LengthDelimited => {
                if !matches!(slot, Slot::Message(_)) {
                    *slot = Slot::Message(Partial::new(message));
                }
                let part = delimited(body)?;
                if let Slot::Message(partial) = slot {
                    self.merge(partial, part)?;
                }
            }
            // Of several values, the last one counts.
            form => *slot = Slot::One(self.scalar(form, number, wire, body)?),
        }
        Ok(())
    }

    fn list(
        &mut self,
        place: &'t Place,
        slot: &mut Slot<'t>,
        number: u32,
        wire: WireType,
        body: &mut &[u8],
    ) -> Result<(), Undecodable> {
        if !matches!(slot, Slot::Many(_)) {
            *slot = Slot::Many(Vec::new());
        }
        let Slot::Many(list) = slot else {
            return Ok(());
        };
        match &place.form {
            Form::Message(message) if wire == WireType::LengthDelimited => {
                let part = delimited(body)?;
                self.path.push(Step::Index(list.len()));
                let mut element = Partial::new(message);
                self.merge(&mut element, part)?;
                list.push(self.finish(element)?);
                self.path.pop();
            }
            // Several numbers in one.
            form if wire == WireType::LengthDelimited && wire != wire_of(form) => {
                let mut part = delimited(body)?;
                while !part.is_empty() {
                    self.path.push(Step::Index(list.len()));
                    list.push(self.scalar(form, number, wire_of(form), &mut part)?);
                    self.path.pop();
                }
            }
            form => {
                self.path.push(Step::Index(list.len()));
                list.push(self.scalar(form, number, wire, body)?);
                self.path.pop();
            }
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        form: &Form,
        number: u32,
        wire: WireType,
        body: &mut &[u8],
    ) -> Result<Value, Undecodable> {
        let none = DecodeContext::default();
        if wire != wire_of(form) {
            skip(wire, number, body)?;
            let (wanted, wire) = (form.type_name(), shown(wire));
            return Ok(self.wrong(format!("expected {wanted}, found {wire}")));
        }
        Ok(match form {
            Form::Integer => {
                let mut integer = 0;
                encoding::int64::merge(wire, &mut integer, body, none)?;
                match i32::try_from(integer) {
                    Ok(_) => integer.into(),
                    Err(_) => self.wrong(format!("{integer} does not fit into 32 bits")),
                }
            }
            Form::Float => {
                let mut number = 0.0;
                encoding::float::merge(wire, &mut number, body, none)?;
                f64::from(number).into()
            }
            Form::Boolean => {
                let mut truth = false;
                encoding::bool::merge(wire, &mut truth, body, none)?;
                truth.into()
            }
            Form::Bytes => Value::Bytes(read_bytes(wire, body)?),
            Form::Text | Form::Choice(_) => {
                let text = read_bytes(wire, body)?;
                match (std::str::from_utf8(&text), form) {
                    (Ok(text), Form::Choice(others)) => {
                        let mut others = others.iter();
                        let found = others.find(|(known, _)| known == text);
                        found.map_or_else(|| text.into(), |(_, value)| value.clone())
                    }
                    (Ok(text), _) => text.into(),
                    (Err(error), _) => {
                        let at = error.valid_up_to();
                        self.wrong(format!("the text is not UTF-8 at byte {at}"))
                    }
                }
            }
            Form::Hollow(what) => {
                skip(wire, number, body)?;
                self.wrong(cannot_travel(what))
            }
            // Messages are read in parts, unless they have another wire type.
            Form::Message(_) => Value::Nil,
        })
    }

    /// Returns the value of a message, with what stands for its absent fields.
    fn finish(&mut self, partial: Partial<'t>) -> Result<Value, Undecodable> {
        let mut map = Map::with_capacity(partial.slots.len());
        for (place, slot) in partial.message.fields.iter().zip(partial.slots) {
            let key = place.key.as_str();
            match slot {
                Slot::One(value) => map.push(key, value),
                Slot::Many(list) => map.push(key, list),
                Slot::Message(partial) => map.push(key, self.finish(partial)?),
                Slot::Absent => {
                    if let Some(value) = self.absent(place)? {
                        map.push(key, value);
                    }
                }
            }
        }
        Ok(Value::Map(map))
    }

    fn absent(&mut self, place: &'t Place) -> Result<Option<Value>, Undecodable> {
        self.filled += 1;
        if self.filled > MAX_FILLED {
            return Err(Undecodable::TooManyAbsent);
        }
        Ok(match (&place.form, place.absence) {
            _ if place.is_list => Some(Value::List(Vec::new())),
            (Form::Message(message), Absence::Empty) => Some(self.finish(Partial::new(message))?),
            (_, Absence::Nil) => Some(Value::Nil),
            (_, Absence::Left | Absence::Empty) => None,
        })
    }

    /// Reports a value that does not fit, and returns one in its place.
    fn wrong(&mut self, problem: String) -> Value {
        if self.errors.len() < MAX_ERRORS {
            let steps = self.path.iter().map(|step| match step {
                Step::Key(key) => (*key).to_owned(),
                Step::Index(index) => index.to_string(),
            });
            let field = steps.collect::<Vec<_>>().join(".");
            let error = WireError::caller(code::INVALID, problem);
            self.errors.push(error.with_field(field));
        }
        Value::Nil
    }
}

/// Returns the wire type of a form. In a list, several numbers may be in one field.
fn wire_of(form: &Form) -> WireType {
    match form {
        Form::Integer | Form::Boolean => WireType::Varint,
        Form::Float => WireType::ThirtyTwoBit,
        _ => WireType::LengthDelimited,
    }
}

fn shown(wire: WireType) -> &'static str {
    match wire {
        WireType::Varint => "a varint",
        WireType::SixtyFourBit => "64 bits",
        WireType::ThirtyTwoBit => "32 bits",
        WireType::LengthDelimited => "bytes with their length",
        WireType::StartGroup | WireType::EndGroup => "a group",
    }
}

/// Passes over a field.
fn skip(wire: WireType, number: u32, body: &mut &[u8]) -> Result<(), Undecodable> {
    let skipped = skip_field(wire, number, body, DecodeContext::default());
    skipped.map_err(|_| match wire {
        WireType::StartGroup | WireType::EndGroup => Undecodable::Group,
        _ => Undecodable::Value,
    })
}

fn read_bytes(wire: WireType, body: &mut &[u8]) -> Result<Bytes, DecodeError> {
    let mut read = Bytes::new();
    encoding::bytes::merge(wire, &mut read, body, DecodeContext::default())?;
    Ok(read)
}

/// Takes bytes with their length.
fn delimited<'b>(body: &mut &'b [u8]) -> Result<&'b [u8], Undecodable> {
    let length = decode_length_delimiter(&mut *body)?;
    let (part, rest) = body
        .split_at_checked(length)
        .ok_or(Undecodable::Truncated)?;
    *body = rest;
    Ok(part)
}
