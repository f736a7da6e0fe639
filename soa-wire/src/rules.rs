//! Rules for decimals, for garde's `custom`.
//!
//! garde's `range` needs an order that agrees with equality, and a [`Decimal`] has none: `1.0` and `1.00` are different texts
//! of one number. These rules compare by value. They also take an `Option` and a [`Nullable`], whose absence is valid. A NaN
//! breaks every rule, an infinity is greater or less than all numbers.
//!
//! A rule of garde is not part of the schema, so it is reported where the body is otherwise valid, and `introspect` does not
//! show it. `#[schemars(extend(…))]` beside it adds the limit there, for both.
//!
//! ```
//! # use soa_wire as soa;
//! use garde::Validate;
//! use schemars::JsonSchema;
//! use soa::{Decimal, rules};
//!
//! #[derive(JsonSchema, Validate)]
//! struct Order {
//!     #[garde(custom(rules::positive))]
//!     #[schemars(extend("exclusiveMinimum" = 0))]
//!     price: Decimal,
//!     #[garde(custom(rules::at_least("0.05")), custom(rules::at_most("0.95")))]
//!     discount: Option<Decimal>,
//! }
//!
//! let order = Order { price: "0.00".parse()?, discount: Some("0.950".parse()?) };
//! let report = order.validate().unwrap_err();
//! assert_eq!(report.to_string(), "price: Value not > 0\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::cmp::Ordering;

use crate::codec::{Decimal, Nullable};
use crate::schema::NOT_A_NUMBER;

/// A field that these rules can check: a decimal, or one that may be absent or nil.
pub trait DecimalField: private::Sealed {
    #[doc(hidden)]
    fn decimal(&self) -> Option<&Decimal>;
}

mod private {
    pub trait Sealed {}

    impl Sealed for crate::codec::Decimal {}
    impl<T: Sealed> Sealed for Option<T> {}
    impl<T: Sealed> Sealed for crate::codec::Nullable<T> {}
}

impl DecimalField for Decimal {
    fn decimal(&self) -> Option<&Decimal> {
        Some(self)
    }
}

impl<T: DecimalField> DecimalField for Option<T> {
    fn decimal(&self) -> Option<&Decimal> {
        self.as_ref()?.decimal()
    }
}

impl<T: DecimalField> DecimalField for Nullable<T> {
    fn decimal(&self) -> Option<&Decimal> {
        match self {
            Self::Value(value) => value.decimal(),
            Self::Null => None,
        }
    }
}

/// Checks that a decimal is greater than zero.
///
/// # Errors
///
/// If it is not.
pub fn positive<T: DecimalField, C>(field: &T, _: &C) -> Result<(), garde::Error> {
    check(field, &0.into(), ">", Ordering::is_gt)
}

/// Checks that a decimal is not less than zero.
///
/// # Errors
///
/// If it is.
pub fn not_negative<T: DecimalField, C>(field: &T, _: &C) -> Result<(), garde::Error> {
    check(field, &0.into(), ">=", Ordering::is_ge)
}

/// Returns the rule that a decimal is not less than a limit.
///
/// If the limit is not a decimal number, the rule refuses every value and says so.
pub fn at_least<T: DecimalField, C>(
    limit: &'static str,
) -> impl Fn(&T, &C) -> Result<(), garde::Error> {
    move |field, _| check(field, &parse(limit)?, ">=", Ordering::is_ge)
}

/// Returns the rule that a decimal is not greater than a limit.
///
/// If the limit is not a decimal number, the rule refuses every value and says so.
pub fn at_most<T: DecimalField, C>(
    limit: &'static str,
) -> impl Fn(&T, &C) -> Result<(), garde::Error> {
    move |field, _| check(field, &parse(limit)?, "<=", Ordering::is_le)
}

/// Returns the rule that a decimal is greater than a limit.
///
/// If the limit is not a decimal number, the rule refuses every value and says so.
pub fn more_than<T: DecimalField, C>(
    limit: &'static str,
) -> impl Fn(&T, &C) -> Result<(), garde::Error> {
    move |field, _| check(field, &parse(limit)?, ">", Ordering::is_gt)
}

/// Returns the rule that a decimal is less than a limit.
///
/// If the limit is not a decimal number, the rule refuses every value and says so.
pub fn less_than<T: DecimalField, C>(
    limit: &'static str,
) -> impl Fn(&T, &C) -> Result<(), garde::Error> {
    move |field, _| check(field, &parse(limit)?, "<", Ordering::is_lt)
}

fn parse(limit: &str) -> Result<Decimal, garde::Error> {
    let parsed = limit.parse().ok().filter(|limit: &Decimal| !limit.is_nan());
    parsed.ok_or_else(|| {
        garde::Error::new(format!(
            "the limit `{limit}` of this rule is not a decimal number"
        ))
    })
}

/// Checks a decimal with the texts of Conformity.
fn check<T: DecimalField>(
    field: &T,
    limit: &Decimal,
    sign: &str,
    holds: fn(Ordering) -> bool,
) -> Result<(), garde::Error> {
    match field.decimal() {
        Some(decimal) if decimal.is_nan() => Err(garde::Error::new(NOT_A_NUMBER)),
        Some(decimal) if !holds(decimal.cmp_value(limit)) => {
            Err(garde::Error::new(format!("Value not {sign} {limit}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use garde::Validate;

    use super::*;

    #[derive(Validate)]
    struct Limits {
        #[garde(custom(super::positive))]
        positive: Decimal,
        #[garde(custom(super::not_negative))]
        not_negative: Option<Decimal>,
        #[garde(custom(at_least("0.05")), custom(at_most("1E+2")))]
        within: Option<Nullable<Decimal>>,
        #[garde(custom(more_than("0.05")), custom(less_than("100")))]
        inside: Nullable<Decimal>,
        #[garde(inner(custom(super::positive)))]
        list: Vec<Decimal>,
    }

    fn problems(limits: &Limits) -> String {
        let report = limits.validate().map_err(|report| report.to_string());
        report.err().unwrap_or_default()
    }

    fn all(text: &str) -> Limits {
        let decimal: Decimal = text.parse().unwrap();
        Limits {
            positive: decimal.clone(),
            not_negative: Some(decimal.clone()),
            within: Some(Nullable::Value(decimal.clone())),
            inside: Nullable::Value(decimal.clone()),
            list: vec![decimal],
        }
    }

    #[test]
    fn decimals_are_held_against_their_limits_by_value() {
        assert_eq!(problems(&all("99.99")), "");
        insta::assert_snapshot!(problems(&all("-0.00")), @r"
        inside: Value not > 0.05
        list[0]: Value not > 0
        positive: Value not > 0
        within: Value not >= 0.05
        ");
        insta::assert_snapshot!(problems(&all("0.050")), @"inside: Value not > 0.05");
        insta::assert_snapshot!(problems(&all("100.0")), @"inside: Value not < 100");
        insta::assert_snapshot!(problems(&all("Infinity")), @r"
        inside: Value not < 100
        within: Value not <= 1E+2
        ");
        insta::assert_snapshot!(problems(&all("NaN")), @r"
        inside: Value is not a number
        inside: Value is not a number
        list[0]: Value is not a number
        not_negative: Value is not a number
        positive: Value is not a number
        within: Value is not a number
        within: Value is not a number
        ");
    }

    #[test]
    fn what_is_not_there_is_valid() {
        let limits = Limits {
            positive: 1.into(),
            not_negative: None,
            within: Some(Nullable::Null),
            inside: Nullable::Null,
            list: Vec::new(),
        };
        assert_eq!(problems(&limits), "");
    }

    #[test]
    fn a_limit_that_is_no_number_is_told() {
        let error = at_least("a lot")(&Decimal::from(1), &()).unwrap_err();
        assert_eq!(
            error.message(),
            "the limit `a lot` of this rule is not a decimal number"
        );
    }
}
