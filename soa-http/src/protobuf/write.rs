//! A result to bytes, by the table of an answer.

use prost::encoding::{self, WireType, encode_key, encode_varint};
use soa_wire::{Value, WireError, code};

use super::message::{Call, Form, Message, Place, cannot_travel};

/// The number of the exception in an answer.
const EXCEPTION: u32 = 2;

/// Writes an answer with a result.
///
/// # Errors
/// A value in it does not fit, or has no form.
pub(crate) fn result(call: &Call, result: Value) -> Result<Vec<u8>, Vec<WireError>> {
    let mut out = Vec::with_capacity(64);
    let result = match result {
        Value::Nil if call.nil_is_text => Value::from(""),
        result => result,
    };
    if let Some((number, place)) = call.response.numbered().next() {
        field(number, place, result, &mut out).map_err(Unfit::into_errors)?;
    }
    Ok(out)
}

/// Writes an answer with an exception.
pub(crate) fn exception(text: &String) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    encoding::string::encode(EXCEPTION, text, &mut out);
    out
}

/// Writes a message.
///
/// # Errors
/// A value in it does not fit, or has no form.
pub(crate) fn message(table: &Message, value: Value) -> Result<Vec<u8>, Vec<WireError>> {
    fields(table, value).map_err(Unfit::into_errors)
}

/// A value that cannot be written.
struct Unfit {
    /// The steps to it, the last one first.
    path: Vec<String>,
    problem: String,
}

impl Unfit {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            problem: problem.into(),
        }
    }

    fn below(mut self, step: impl ToString) -> Self {
        self.path.push(step.to_string());
        self
    }

    fn into_errors(mut self) -> Vec<WireError> {
        self.path.reverse();
        let error = WireError::server(code::RESPONSE_NOT_SERIALIZABLE, self.problem);
        vec![error.with_field(self.path.join("."))]
    }
}

fn field(number: u32, place: &Place, value: Value, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let written = match (place.is_list, value) {
        // Absent.
        (_, Value::Nil) => Ok(()),
        (true, Value::List(items)) => {
            let mut items = items.into_iter().enumerate();
            items.try_for_each(|(index, item)| {
                one(number, &place.form, item, true, out).map_err(|unfit| unfit.below(index))
            })
        }
        (true, other) => Err(unexpected(&place.form, &other)),
        (false, value) => one(number, &place.form, value, false, out),
    };
    written.map_err(|unfit| unfit.below(&place.key))
}

fn one(
    number: u32,
    form: &Form,
    value: Value,
    is_element: bool,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    match (form, value) {
        (Form::Integer, Value::Integer(integer)) => {
            let fitting = integer.as_i64().and_then(|wide| i32::try_from(wide).ok());
            let fitting = fitting
                .ok_or_else(|| Unfit::new(format!("{integer} does not fit into 32 bits")))?;
            encoding::int32::encode(number, &fitting, out);
        }
        (Form::Float, value @ (Value::Float(_) | Value::Integer(_))) => {
            let wide = value.as_f64().unwrap_or_default();
            encoding::float::encode(number, &narrowed(wide)?, out);
        }
        (Form::Boolean, Value::Bool(truth)) => encoding::bool::encode(number, &truth, out),
        (Form::Text | Form::Choice(_), Value::Text(text)) => {
            encoding::string::encode(number, &text, out)
        }
        (Form::Choice(others), value) => {
            let text = others.iter().find(|(_, known)| *known == value);
            let (text, _) = text.ok_or_else(|| unexpected(form, &value))?;
            encoding::string::encode(number, text, out);
        }
        (Form::Bytes, Value::Bytes(content)) => encoding::bytes::encode(number, &content, out),
        (Form::Message(message), value @ Value::Map(_)) => {
            let content = fields(message, value)?;
            // Senders of the reference leave out a message in which nothing is set.
            if is_element || !content.is_empty() {
                encode_key(number, WireType::LengthDelimited, out);
                encode_varint(content.len() as u64, out);
                out.extend(content);
            }
        }
        (Form::Hollow(what), _) => return Err(Unfit::new(cannot_travel(what))),
        (form, value) => return Err(unexpected(form, &value)),
    }
    Ok(())
}

fn fields(message: &Message, value: Value) -> Result<Vec<u8>, Unfit> {
    let Value::Map(mut map) = value else {
        return Err(Unfit::new(format!(
            "expected a map, found {}",
            value.kind_name()
        )));
    };
    let mut out = Vec::new();
    for (number, place) in message.numbered() {
        let value = map.remove(&place.key).unwrap_or_default();
        field(number, place, value, &mut out)?;
    }
    // The entries of a flattened map.
    match map.iter().next() {
        None => Ok(out),
        Some((key, _)) => {
            let key = key.as_str().unwrap_or_default();
            let name = &message.name;
            Err(Unfit::new(format!("the message `{name}` has no such field")).below(key))
        }
    }
}

/// Returns a float in 32 bits. Digits may be lost, as on every way through this protocol, but a number stays a number.
fn narrowed(wide: f64) -> Result<f32, Unfit> {
    #[expect(clippy::cast_possible_truncation, reason = "digits may be lost")]
    let narrow = wide as f32;
    match narrow.is_infinite() && wide.is_finite() {
        true => Err(Unfit::new(format!(
            "{wide:?} does not fit into a float of 32 bits"
        ))),
        false => Ok(narrow),
    }
}

fn unexpected(form: &Form, value: &Value) -> Unfit {
    let (wanted, found) = (form.type_name(), value.kind_name());
    match form {
        Form::Text => Unfit::new(format!(
            "expected a text, found {found}; {}",
            super::message::ADVICE
        )),
        _ => Unfit::new(format!("expected {wanted}, found {found}")),
    }
}
