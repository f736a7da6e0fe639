//! The arguments of a call by position: the fields of a request body in their declared order.

use soa_wire::schema::FieldError;
use soa_wire::text::{Plain, Reading};
use soa_wire::{Map, Value, WireError, code};

use crate::hosted::Offered;

/// Reads arguments by their positions. Trailing ones may be left out, if they have a default or are optional: that is the
/// question of the body's type.
///
/// # Errors
/// Every argument that is not of its type; or the action takes none by position, or fewer.
pub(crate) fn by_position(
    offered: &Offered,
    arguments: Vec<Value>,
) -> Result<Value, Vec<WireError>> {
    let name = offered.name();
    let Some(fields) = offered.arguments() else {
        let message = format!(
            "`{name}` cannot be called by position: its request is not a struct; call it by name"
        );
        return Err(vec![WireError::caller(code::INVALID, message)]);
    };
    if arguments.len() > fields.len() {
        let (given, most) = (arguments.len(), fields.len());
        let message = format!("`{name}` takes up to {most} arguments, but {given} were given");
        return Err(vec![WireError::caller(code::INVALID, message)]);
    }
    let named = fields.iter().zip(arguments);
    let named: Map = named
        .map(|(field, value)| (Value::from(field.name.as_str()), value))
        .collect();
    read(
        offered,
        Plain::from_value(Value::Map(named)),
        Reading::ARGUMENTS,
    )
}

/// Reads a request by its schema.
///
/// # Errors
/// Every text that does not have the form of its type, and then whatever else is wrong, too.
pub(crate) fn read(
    offered: &Offered,
    plain: Plain,
    reading: Reading,
) -> Result<Value, Vec<WireError>> {
    let (value, problems) = plain.read_as(&offered.request, reading);
    if problems.is_empty() {
        return Ok(value);
    }
    // The other fields are not seen by the service, so their errors are found here.
    let mut errors = problems;
    for error in offered.request.check(&value) {
        let is_known = |known: &FieldError| known.field == error.field;
        if !errors.iter().any(is_known) {
            errors.push(error);
        }
    }
    Err(errors.into_iter().map(|one| one.into_wire(true)).collect())
}
