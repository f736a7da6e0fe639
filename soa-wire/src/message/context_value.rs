//! Typed values of the users in the context.
//!
//! The context of a job is a map, in which every key that is not the framework's own belongs to the users. A type declares
//! its key once ([`ContextValue`]). Callers then put it in, and handlers take it out, by its type, in this service and in
//! all services that are called in turn. For a service in Python, it is an entry of the map.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::{ContextHeader, KEYS};
use crate::codec::{DecodeError, Value, from_value_ref, to_value};

/// A type of values in the context of jobs, with its key. It can be any type that serde knows: text, a number, a struct.
///
/// ```
/// # use soa_wire as soa;
/// use serde::{Deserialize, Serialize};
/// use soa::{ContextHeader, ContextValue};
///
/// /// The language in which the user wants answers.
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Locale(String);
///
/// impl ContextValue for Locale {
///     const KEY: &'static str = "locale";
/// }
///
/// let mut context = ContextHeader::fresh();
/// context.put(&Locale("fr_FR".into()))?;
/// assert_eq!(context.get::<Locale>()?, Some(Locale("fr_FR".into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The key must not be one of the framework's own (`switches`, `correlation_id`, `caller`, `calling_service`,
/// `traceparent`, `tracestate`). The build fails where the type is used; `cargo check` alone does not notice it.
///
/// ```compile_fail
/// # use soa_wire as soa;
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Caller(String);
/// impl soa::ContextValue for Caller {
///     const KEY: &'static str = "caller";
/// }
/// let value = soa::ContextHeader::fresh().get::<Caller>();
/// ```
///
/// `ClientBuilder::context_value` puts a value into every call of a client, `.context_value(…)` into one call, and
/// [`ContextHeader::put`] is for middleware. Handlers use `Context::get`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a value of the context",
    label = "not a `ContextValue`",
    note = "say under which key it travels: `impl soa::ContextValue for {Self} {{ const KEY: &'static str = \"…\"; }}`",
    note = "what middleware leaves for handlers is found by `cx.extension::<{Self}>()`"
)]
pub trait ContextValue: Serialize + DeserializeOwned {
    /// The key in the context.
    const KEY: &'static str;
}

impl ContextHeader {
    /// Returns the value of this type; `None` if the context does not have its key.
    ///
    /// # Errors
    /// If the value under the key is not of this type.
    pub fn get<T: ContextValue>(&self) -> Result<Option<T>, DecodeError> {
        const { check(T::KEY) };
        self.extra.get(T::KEY).map(from_value_ref).transpose()
    }

    /// Puts a value in, in place of an earlier one of its type.
    ///
    /// # Errors
    /// If the value cannot be encoded.
    pub fn put<T: ContextValue>(&mut self, value: &T) -> Result<(), String> {
        let value = to_context(value)?;
        self.extra.insert(T::KEY, value);
        Ok(())
    }
}

/// Encodes a value for the context.
///
/// # Errors
/// If the value cannot be encoded.
#[doc(hidden)]
pub fn to_context<T: ContextValue>(value: &T) -> Result<Value, String> {
    const { check(T::KEY) };
    to_value(value).map_err(|error| {
        let key = T::KEY;
        format!("the value for the context's `{key}` cannot be encoded: {error}")
    })
}

/// Fails the build if the key is one of the framework's own.
const fn check(key: &str) {
    assert!(
        is_free(key),
        "the `KEY` of this `ContextValue` is the framework's own: choose another"
    );
}

/// Returns true if a key is not one of the framework's own.
const fn is_free(key: &str) -> bool {
    let mut own: &[&str] = &KEYS;
    while let [first, rest @ ..] = own {
        if is_same(first.as_bytes(), key.as_bytes()) {
            return false;
        }
        own = rest;
    }
    true
}

const fn is_same(mut left: &[u8], mut right: &[u8]) -> bool {
    while let ([a, more_left @ ..], [b, more_right @ ..]) = (left, right) {
        if *a != *b {
            return false;
        }
        (left, right) = (more_left, more_right);
    }
    left.is_empty() && right.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_framework_are_not_free() {
        assert!(KEYS.iter().all(|key| !is_free(key)));
        assert!(is_free("locale") && is_free("switch") && is_free("switches2") && is_free(""));
    }
}
