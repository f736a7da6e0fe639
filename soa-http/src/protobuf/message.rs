//! Messages as tables: the fields with their numbers and forms.

use std::sync::Arc;

use soa_wire::Value;

/// The messages of an action.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: Arc<Message>,
    /// The result and the exception.
    pub(crate) response: Arc<Message>,
    /// True if a result of nil is an empty text. A client of the reference takes no result for an exception.
    pub(crate) nil_is_text: bool,
}

/// A message. The number of a field is its place, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) package: String,
    pub(crate) name: String,
    pub(crate) fields: Vec<Place>,
}

/// A field of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The name in values.
    pub(crate) key: String,
    /// The name in `.proto` files, which have fewer characters for it.
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) is_list: bool,
    pub(crate) absence: Absence,
}

/// The form of a value on the wire.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Of 32 bits.
    Integer,
    /// Of 32 bits.
    Float,
    Boolean,
    /// Text, and every type that is written as text.
    Text,
    /// One of several constants, some of which are not text.
    Choice(Vec<(String, Value)>),
    Bytes,
    Message(Arc<Message>),
    /// A type without a form: a text that is absent for nil, and cannot be there. Tells what it is.
    Hollow(&'static str),
}

/// The value of a field that is absent, if it is not a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Left to the type: a default, none of an option, or an error.
    Left,
    Nil,
    /// A message without fields: senders leave out such a message.
    Empty,
}

impl Form {
    /// Returns the name of the type in `.proto` files.
    pub(crate) fn type_name(&self) -> String {
        match self {
            Self::Integer => "int32".to_owned(),
            Self::Float => "float".to_owned(),
            Self::Boolean => "bool".to_owned(),
            Self::Text | Self::Choice(_) | Self::Hollow(_) => "string".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Message(message) => format!("{}.{}", message.package, message.name),
        }
    }
}

impl Message {
    /// Returns the fields with their numbers.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, &Place)> {
        (1..).zip(&self.fields)
    }

    pub(crate) fn field(&self, number: u32) -> Option<(usize, &Place)> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Some((at, self.fields.get(at)?))
    }
}

/// The advice in errors about what protobuf has no form for.
pub(crate) const ADVICE: &str = "use dispatch-json or dispatch-msgpack";

/// Returns the error of a value that cannot travel.
pub(crate) fn cannot_travel(what: &str) -> String {
    format!("{what} can only be nil by protobuf; {ADVICE}")
}

impl Call {
    /// True if the result is a list or a message. Clients of the reference do not look at the exception beside them.
    pub(crate) fn has_compound_result(&self) -> bool {
        let result = self.response.fields.first();
        result.is_some_and(|result| result.is_list || matches!(result.form, Form::Message(_)))
    }
}
