//! Values and errors of the library, as ours, and the other way round.

use fred::error::{Error as LibraryError, ErrorKind as LibraryErrorKind};
use fred::types::Value as LibraryValue;

use super::super::error::{Error, ErrorKind};
use super::super::words::Value;

/// A word of a command, for the library.
pub(super) fn to_library(word: Value) -> LibraryValue {
    match word {
        Value::Nil => LibraryValue::Null,
        Value::Integer(number) => LibraryValue::Integer(number),
        Value::Bytes(bytes) => LibraryValue::Bytes(bytes),
        Value::List(values) => LibraryValue::Array(values.into_iter().map(to_library).collect()),
    }
}

/// An answer of the library.
pub(super) fn value_of_library(value: LibraryValue) -> Value {
    match value {
        LibraryValue::Null | LibraryValue::Queued => Value::Nil,
        LibraryValue::Boolean(is_true) => Value::Integer(i64::from(is_true)),
        LibraryValue::Integer(number) => Value::Integer(number),
        LibraryValue::Double(number) => Value::Bytes(number.to_string().into()),
        LibraryValue::String(text) => Value::Bytes(text.into_inner()),
        LibraryValue::Bytes(bytes) => Value::Bytes(bytes),
        LibraryValue::Array(values) => {
            Value::List(values.into_iter().map(value_of_library).collect())
        }
        LibraryValue::Map(map) => {
            let pairs = map.inner().into_iter();
            let pairs = pairs.flat_map(|(key, value)| [LibraryValue::from(key), value]);
            Value::List(pairs.map(value_of_library).collect())
        }
    }
}

/// An error of the library.
pub(super) fn error_of_library(error: &LibraryError) -> Error {
    let kind = match error.kind() {
        LibraryErrorKind::Auth => ErrorKind::Auth,
        LibraryErrorKind::Canceled => ErrorKind::Canceled,
        LibraryErrorKind::Cluster => ErrorKind::Cluster,
        LibraryErrorKind::IO => ErrorKind::Io,
        LibraryErrorKind::InvalidArgument => ErrorKind::InvalidArgument,
        LibraryErrorKind::Protocol => ErrorKind::Protocol,
        LibraryErrorKind::Timeout => ErrorKind::Timeout,
        // What it says of a command, and not of the connection.
        LibraryErrorKind::Unknown
        | LibraryErrorKind::InvalidCommand
        | LibraryErrorKind::NotFound
        | LibraryErrorKind::Parse => ErrorKind::Unknown,
        other => ErrorKind::OfLibrary(other.to_str()),
    };
    Error::new(kind, readable(error.details()))
}

/// Shortens an error of the system or of the standard library, whose debug output the library shows, to its message.
fn readable(details: &str) -> String {
    let debug = [("Os {", "message: \""), ("Custom {", "error: \"")];
    let message = debug.into_iter().find_map(|(form, field)| {
        let rest = details.strip_prefix(form)?.split_once(field)?.1;
        Some(rest.split_once('"')?.0)
    });
    message.unwrap_or(details).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::slot::key_slot;
    use super::*;

    #[test]
    fn an_error_of_the_system_is_what_it_says() {
        let text = r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#;
        assert_eq!(readable(text), "Connection refused");
        let text = r#"Custom { kind: Uncategorized, error: "failed to lookup address information: Name or service not known" }"#;
        assert_eq!(
            readable(text),
            "failed to lookup address information: Name or service not known"
        );
        assert_eq!(readable("cut"), "cut");
        let error = LibraryError::new(LibraryErrorKind::IO, text);
        assert_eq!(
            error_of_library(&error).to_string(),
            "IO Error: failed to lookup address information: Name or service not known"
        );
    }

    proptest! {
        #[test]
        fn slots_are_those_of_the_library(key in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(key_slot(&key), fred::util::redis_keyslot(&key));
        }

        #[test]
        fn slots_of_keys_with_braces_are_those_of_the_library(key in "[{}ab]{0,12}") {
            prop_assert_eq!(key_slot(key.as_bytes()), fred::util::redis_keyslot(key.as_bytes()));
        }
    }
}
