//! Validation of bodies: the happy path decodes and checks the rules, nothing else.
//!
//! serde decides what a body is, and the rules decide if it is valid. The schema only explains: if one of them fails, the
//! body is checked against the type's schema, and **every** missing, unknown, ill-typed and out-of-range field is reported,
//! with the codes and texts of the reference.
//!
//! A schema can be wrong about a body, as it does not know all that serde does: aliases, decoders of a field's own. So
//! after serde has accepted a body, only those of the schema's errors count that are about a rule which is known to be
//! broken; and those about what only a schema can see: a NaN in a range, and what a type takes out of serde's buffers for
//! something else (a nil for an `Option`, bytes for text, a list for a struct).

pub mod fields;
pub mod rules;

use garde::Validate;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::rules::{BrokenRule, Path, Report, Rules, Side, own_rules};
use crate::codec::{DecodeError, Value, from_value_ref};
use crate::message::{Body, WireError, code};
use crate::schema::{Cause, FieldError, MAX_ERRORS, Schema, WirePath};
use crate::text::Plain;

/// A type that can be the request or the response of an action.
///
/// It is implemented for every type under `#[soa::body]` or with derives of `Serialize`, `Deserialize`, `Validate` and
/// `JsonSchema`, for [`Value`](crate::codec::Value) (any body) and for `()` (the body `{}`).
///
/// ```
/// # use soa_wire as soa;
/// use garde::Validate;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use soa::Action;
///
/// #[derive(Serialize, Deserialize, Validate, JsonSchema)]
/// struct Book {
///     #[garde(length(chars, min = 1))]
///     title: String,
/// }
///
/// const ADD_BOOK: Action<Book, ()> = Action::new("add_book");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the request or response of an action",
    label = "not a request or response",
    note = "put `#[soa::body]` above it and above what it is made of, or derive all of `serde::Serialize`, `serde::Deserialize`, `garde::Validate` and `schemars::JsonSchema`",
    note = "a body is a map: a single value, such as a `String`, goes into a field of a struct",
    note = "it cannot borrow, nor have `#[garde(context(…))]`"
)]
pub trait ActionBody:
    Serialize + DeserializeOwned + Validate<Context = ()> + JsonSchema + Send + 'static
{
}

#[diagnostic::do_not_recommend]
impl<T> ActionBody for T where
    T: Serialize + DeserializeOwned + Validate<Context = ()> + JsonSchema + Send + 'static
{
}

/// A valid value, or all that is wrong with it.
pub type Validated<T> = Result<T, Vec<WireError>>;

/// Decodes and validates a request.
pub(crate) fn accept<T: ActionBody>(body: &Body, rules: Option<Rules<T>>) -> Validated<T> {
    let decoded = match body.decode_marked::<T>() {
        Ok(decoded) => decoded,
        Err(error) => return Err(explain::<T>(body, &error)),
    };
    let broken = broken_rules(&decoded.value, rules, Side::Request);
    if broken.is_empty() && !decoded.is_lenient {
        return Ok(decoded.value);
    }
    let value = body.to_value().map_err(|error| vec![undecodable(&error)])?;
    let errors = judge(&value, &Schema::of::<T>(), broken);
    if errors.is_empty() {
        Ok(decoded.value)
    } else {
        Err(errors)
    }
}

/// Validates a response. The compiler ensures its structure, so only the rules are checked.
pub(crate) fn validate<T: ActionBody>(value: &T, rules: Option<Rules<T>>) -> Validated<()> {
    let broken = broken_rules(value, rules, Side::Response);
    if broken.is_empty() {
        return Ok(());
    }
    let schema = Schema::of::<T>();
    let errors = broken.into_iter().map(|rule| {
        let path = schema.wire_path(&rule.path, None);
        rule.into_wire(path)
    });
    Err(without_repetitions(errors))
}

/// Reads a body whose dates, decimals and other types are text.
pub(crate) fn read_text<T: ActionBody>(body: Value) -> Result<Value, String> {
    let read = Plain::from_value(body).read(&Schema::of::<T>());
    read.map_err(|error| error.to_string())
}

/// Reads the texts of a body that its type does not take as text, and leaves what cannot be read.
pub(crate) fn read_misfits<T: ActionBody>(body: Value) -> Value {
    Plain::from_value(body).read_misfits(&Schema::of::<T>())
}

fn broken_rules<T: ActionBody>(value: &T, rules: Option<Rules<T>>, side: Side) -> Vec<BrokenRule> {
    let mut report = Report::new(side);
    match rules {
        Some(rules) => rules(value, &Path::BODY, &mut report),
        None => own_rules(value, &[], &Path::BODY, &mut report),
    }
    report.broken
}

/// Returns the errors of a body that serde does not accept.
fn explain<T: ActionBody>(body: &Body, error: &DecodeError) -> Vec<WireError> {
    let schema = Schema::of::<T>();
    let value: Value = match body.to_value() {
        Ok(value) => value,
        Err(error) => return vec![undecodable(&error)],
    };
    let found = schema.check(&value);
    let is_about_shape = |error: &FieldError| matches!(error.cause, Cause::Shape | Cause::Buffer);
    // An error of a decoder of a field's own is not among these.
    let is_explained =
        found.iter().any(is_about_shape) || !found.is_empty() && !schema.has_decoders();
    let mut errors: Vec<WireError> = found
        .into_iter()
        .map(|error| error.into_wire(true))
        .collect();
    if !is_explained {
        // Only the type knows what is wrong: a decoder of a field's own.
        errors.push(refused_by_decoder::<T>(&value, error));
    }
    errors
}

/// Returns the error of a decoder. Of what is in one of serde's buffers, the field is not known.
fn refused_by_decoder<T: ActionBody>(value: &Value, error: &DecodeError) -> WireError {
    let again = from_value_ref::<T>(value).err();
    let found = again
        .as_ref()
        .and_then(|again| Some((again, again.field()?)));
    match found {
        Some((again, field)) => {
            WireError::caller(code::INVALID, again.message().to_owned()).with_field(field)
        }
        None => undecodable(error),
    }
}

/// Returns the error of a body without a field. Its offset is not told: the body is a part of what the caller has sent.
fn undecodable(error: &DecodeError) -> WireError {
    let message = format!("The body cannot be read: {}", error.message());
    WireError::caller(code::INVALID, message)
}

/// Returns the errors of a body that serde has accepted: the rules that it breaks, in the reference's words where the
/// schema has them, and what only the schema sees.
fn judge(value: &Value, schema: &Schema, broken: Vec<BrokenRule>) -> Vec<WireError> {
    let mut rules: Vec<(WirePath, BrokenRule)> = broken
        .into_iter()
        .map(|rule| (schema.wire_path(&rule.path, Some(value)), rule))
        .collect();
    let mut errors = Vec::new();
    // A type without fields takes any map, so only the schema sees that there are keys.
    let is_empty = schema.describes_no_fields();
    for found in schema.check_accepted(value) {
        let is_true = match found.cause {
            Cause::Buffer | Cause::NotANumber => true,
            Cause::Rule => is_broken(&found, &mut rules),
            _ => is_empty,
        };
        if is_true {
            errors.push(found.into_wire(true));
        }
    }
    let rules = rules.into_iter().filter(|(_, rule)| !rule.is_explained);
    errors.extend(rules.map(|(path, rule)| rule.into_wire(path)));
    errors.truncate(MAX_ERRORS);
    without_repetitions(errors)
}

/// Returns true if the schema's error is about a broken rule, and marks what it explains.
fn is_broken(found: &FieldError, rules: &mut [(WirePath, BrokenRule)]) -> bool {
    let field = found.field.as_deref().unwrap_or_default();
    let mut is_broken = false;
    for (path, rule) in rules.iter_mut() {
        // A name that the schema does not know may be that of any field.
        if rule.is_about_limits() && (path.text == field || !path.is_known) {
            rule.is_explained = true;
            is_broken = true;
        }
    }
    is_broken
}

/// Removes the errors that are there before: garde reports what it dives into, and so do the bodies within.
fn without_repetitions(errors: impl IntoIterator<Item = WireError>) -> Vec<WireError> {
    let mut kept: Vec<WireError> = Vec::new();
    for error in errors {
        if !kept.contains(&error) {
            kept.push(error);
        }
    }
    kept
}

impl BrokenRule {
    /// True if the rule is one of the limits that are in the schema, too.
    fn is_about_limits(&self) -> bool {
        const LIMITS: [&str; 3] = ["lower than ", "greater than ", "length is "];
        LIMITS.iter().any(|text| self.message.starts_with(text))
    }

    fn into_wire(self, path: WirePath) -> WireError {
        let error = WireError::caller(code::INVALID, self.message);
        if path.text.is_empty() {
            error
        } else {
            error.with_field(path.text)
        }
    }
}
