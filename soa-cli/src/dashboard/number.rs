//! Numbers as they are told: with as many digits as somebody reads.

use soa_runtime::observe::record::Sketch;

/// Rounds to four digits: more of them would only make the answers longer.
pub(super) fn short(number: f64) -> f64 {
    rounded(number, 4.0)
}

/// Rounds to three digits.
pub(super) fn shorter(number: f64) -> f64 {
    rounded(number, 3.0)
}

fn rounded(number: f64, digits: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return 0.0;
    }
    let digits = digits - 1.0 - number.abs().log10().floor();
    // A power of ten that is a fraction is not exact, and its inverse is.
    match digits >= 0.0 {
        true => {
            let factor = 10_f64.powf(digits);
            (number * factor).round() / factor
        }
        false => {
            let factor = 10_f64.powf(-digits);
            (number / factor).round() * factor
        }
    }
}

/// A quantile of times, in milliseconds.
pub(super) fn millis(times: &Sketch, part: f64) -> Option<f64> {
    times.quantile(part).map(|seconds| short(seconds * 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        for (number, told) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (204.719, "204.7"),
            (123_456.0, "123500.0"),
            (0.012_345_6, "0.01235"),
            (f64::NAN, "0.0"),
        ] {
            assert_eq!(format!("{:?}", short(number)), told);
        }
        assert_eq!(format!("{:?}", shorter(5.001_2)), "5.0");
    }
}
