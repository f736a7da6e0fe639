//! Validation of bodies: the happy path decodes and asks garde, nothing else.
//!
//! If either fails, the body is checked against the type's schema, and **every** missing, unknown, ill-typed and
//! out-of-range field is reported, with the codes and texts of the reference. Only if the schema finds no error, the
//! failure was in a rule that only garde knows (`custom`, `pattern`, …) or in the `Deserialize` of a type, and their
//! own messages are used. So the set of errors is the same whether or not the body could be decoded.

use garde::Validate;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{DecodeError, Value};
use crate::message::{Body, WireError, code};
use crate::schema::{MAX_ERRORS, Schema};
use crate::text::Plain;

/// A type that can be the request or the response of an action.
///
/// It is implemented for every type that derives `Serialize`, `Deserialize`, `Validate` and
/// `JsonSchema`, for [`Value`](crate::codec::Value) (any body) and for `()` (the body `{}`).
///
/// ```
/// # use soa_runtime as soa;
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
    note = "derive all of `serde::Serialize`, `serde::Deserialize`, `garde::Validate` and `schemars::JsonSchema` for it, and for what it is made of",
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

/// Decodes and validates a request.
pub(crate) fn accept<T: ActionBody>(body: &Body) -> Result<T, Vec<WireError>> {
    match body.decode_marked::<T>() {
        Ok(decoded) => match decoded.value.validate() {
            // The schema may refuse fields that a flattened or untagged part has accepted.
            Ok(()) if decoded.is_lenient => match broken_rules(body, &Schema::of::<T>()) {
                Ok(errors) if errors.is_empty() => Ok(decoded.value),
                Ok(errors) | Err(errors) => Err(errors),
            },
            Ok(()) => Ok(decoded.value),
            Err(report) => Err(explain(body, &Schema::of::<T>(), || {
                garde_errors(&report, &Schema::of::<T>())
            })),
        },
        Err(error) => Err(explain(body, &Schema::of::<T>(), || {
            vec![undecodable(&error)]
        })),
    }
}

/// Validates a response. The compiler ensures its structure, so only the rules of garde are checked.
pub(crate) fn validate<T: ActionBody>(value: &T) -> Result<(), Vec<WireError>> {
    value
        .validate()
        .map_err(|report| garde_errors(&report, &Schema::of::<T>()))
}

/// Reads a body whose dates, decimals and other types are text.
pub(crate) fn read_text<T: ActionBody>(body: Value) -> Result<Value, String> {
    let read = Plain::from_value(body).read(&Schema::of::<T>());
    read.map_err(|error| error.to_string())
}

fn explain(
    body: &Body,
    schema: &Schema,
    otherwise: impl FnOnce() -> Vec<WireError>,
) -> Vec<WireError> {
    match broken_rules(body, schema) {
        Ok(errors) if errors.is_empty() => otherwise(),
        Ok(errors) | Err(errors) => errors,
    }
}

/// Returns the errors of a body by the schema; `Err` if it cannot be read as a value.
fn broken_rules(body: &Body, schema: &Schema) -> Result<Vec<WireError>, Vec<WireError>> {
    let value: Value = body.to_value().map_err(|error| vec![undecodable(&error)])?;
    let errors = schema.check(&value).into_iter();
    Ok(errors.map(|error| error.into_wire(true)).collect())
}

fn undecodable(error: &DecodeError) -> WireError {
    WireError::caller(code::INVALID, format!("The body cannot be read: {error}"))
}

/// Returns the errors of garde with the names of fields on the wire (`tags.0.firstName`). garde names fields as the
/// source does (`tags[0].first_name`); the schema knows the other names.
fn garde_errors(report: &garde::Report, schema: &Schema) -> Vec<WireError> {
    report
        .iter()
        .take(MAX_ERRORS)
        .map(|(path, error)| {
            let wire = WireError::caller(code::INVALID, error.message().to_owned());
            match path.to_string() {
                path if path.is_empty() => wire,
                path => wire.with_field(schema.wire_path(&path.replace('[', ".").replace(']', ""))),
            }
        })
        .collect()
}
