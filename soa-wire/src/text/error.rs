//! The errors of text that does not have the form of its type.

use std::error::Error;
use std::fmt;

use crate::codec::DecodeError;
use crate::message::code;
use crate::schema::{Cause, FieldError};

/// Text that cannot be read by its schema: all problems, each with its field, what was found and what was expected.
///
/// ```
/// # use soa_wire as soa;
/// use schemars::JsonSchema;
/// use soa::Decimal;
/// use soa::schema::Schema;
/// use soa::text;
///
/// #[derive(JsonSchema)]
/// struct Order {
///     price: Decimal,
/// }
///
/// let error = text::read(&Schema::of::<Order>(), r#"{"price": "a lot"}"#).unwrap_err();
/// assert_eq!(error.to_string(), r#"`price`: expected a decimal number such as "12.30", found "a lot""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError(pub(super) Vec<FieldError>);

impl TextError {
    /// The problems, in the order of the text.
    pub fn errors(&self) -> &[FieldError] {
        &self.0
    }

    /// The problems.
    pub fn into_errors(self) -> Vec<FieldError> {
        self.0
    }
}

impl fmt::Display for TextError {
    /// Writes a line for each problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match &problem.field {
                Some(field) => write!(f, "`{field}`: {}", problem.message)?,
                None => f.write_str(&problem.message)?,
            }
        }
        Ok(())
    }
}

impl Error for TextError {}

impl From<DecodeError> for TextError {
    /// The error of text that is not JSON.
    fn from(error: DecodeError) -> Self {
        Self(vec![FieldError {
            cause: Cause::Shape,
            code: code::INVALID,
            message: format!("not JSON: {error}"),
            field: None,
        }])
    }
}
