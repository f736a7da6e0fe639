//! Errors as text: the `Debug` of public errors.
//!
//! `main` and `unwrap` print an error by its `Debug`. A person reads it there, so it is the text of the error, followed by
//! those of its causes, and not the fields of the type. An error whose text includes a reason does not return that reason as
//! its source, so that nothing is told twice.

use std::error::Error;
use std::fmt;

/// Returns an error and its causes, outermost first.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Writes an error and its causes, outermost first: `text: cause: cause`.
#[doc(hidden)]
pub fn write_chain(error: &(dyn Error + 'static), f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, error) in chain(error).enumerate() {
        let between = if index == 0 { "" } else { ": " };
        write!(f, "{between}{error}")?;
    }
    Ok(())
}

/// Implements `Debug` for errors as their text and that of their causes.
#[doc(hidden)]
#[macro_export]
macro_rules! debug_as_text {
    ($($error:ty),+ $(,)?) => {
        $(impl ::std::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::cause::write_chain(self, f)
            }
        })+
    };
}
