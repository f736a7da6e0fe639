//! The arguments of a call by position: the fields of a request body in their declared order.

use std::collections::HashSet;

use soa_wire::schema::FieldError;
use soa_wire::text::{Plain, Reading};
use soa_wire::{Map, Value, WireError, code};

use crate::hosted::Offered;

/// Reads arguments by their positions. Trailing ones may be left out, if they have a default or are optional: that is the
/// question of the body's type. `wrap` knows the encoding that they came in.
///
/// # Errors
/// Every argument that is not of its type; or the action takes none by position, or fewer.
pub(crate) fn by_position(
    offered: &Offered,
    arguments: Vec<Value>,
    wrap: impl FnOnce(Value) -> Plain,
) -> Result<Value, Vec<WireError>> {
    let name = offered.name();
    let fields = match offered.arguments() {
        // A map, or a struct without fields.
        None if arguments.is_empty() => Some(&[][..]),
        fields => fields,
    };
    let Some(fields) = fields else {
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
    read(offered, wrap(Value::Map(named)), Reading::ARGUMENTS)
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
    read_after(offered, plain, reading, Vec::new())
}

/// Reads a request by its schema, after its encoding has found errors in it.
///
/// # Errors
/// These errors, and every further one.
pub(crate) fn read_after(
    offered: &Offered,
    plain: Plain,
    reading: Reading,
    mut errors: Vec<WireError>,
) -> Result<Value, Vec<WireError>> {
    let (value, problems) = plain.read_as(&offered.request, reading);
    if errors.is_empty() && problems.is_empty() {
        return Ok(value);
    }
    add_new(&mut errors, problems);
    // The other fields are not seen by the service, so their errors are found here.
    add_new(&mut errors, offered.request.check(&value));
    Err(errors)
}

/// Adds the errors of fields that have none yet.
fn add_new(errors: &mut Vec<WireError>, further: Vec<FieldError>) {
    let known: HashSet<Option<String>> = errors.iter().map(|error| error.field.clone()).collect();
    let new = further
        .into_iter()
        .filter(|error| !known.contains(&error.field));
    errors.extend(new.map(|error| error.into_wire(true)));
}
