//! Samples as they are shown.

use std::time::{Duration, Instant};

use soa_runtime::observe::record::Sample;

use crate::failure::Failure;
use crate::output::{Output, complain, harmless, latency, print};

/// The printer of samples, with its limits.
pub(super) struct Shown {
    pub(super) output: Output,
    /// Largest number of samples a second: of each worker, or of all.
    pub(super) rate: u32,
    /// Time from the beginning to the end.
    pub(super) time: Duration,
    pub(super) end: Instant,
    /// Number of samples that are still to be shown.
    pub(super) left: u64,
    /// True once a sample was shown.
    pub(super) has_shown: bool,
}

impl Shown {
    /// Says that nothing has passed, if that is so.
    pub(super) fn close(&self, service: &str) {
        if !self.has_shown {
            complain(&format!(
                "no request of `{}` has passed in this time; `--for TIME` watches for longer\n",
                harmless(service)
            ));
        }
    }

    /// True once nothing more is to be shown.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0 || Instant::now() >= self.end
    }

    /// Shows a sample, unless enough were shown.
    pub(super) fn show(&mut self, sample: &Sample) -> Result<(), Failure> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        self.has_shown = true;
        match self.output.as_json {
            true => print(&serde_json::to_string(sample).unwrap_or_default()),
            false => print(&text(self.output, sample)),
        }
    }
}

fn text(output: Output, sample: &Sample) -> String {
    let head = format!(
        "{} {} from {} in {}",
        clock(sample.at),
        output.bold(&harmless(&sample.action)),
        harmless(sample.caller.as_deref().unwrap_or("a program")),
        latency(sample.took_seconds)
    );
    let answer = match sample.errors.is_empty() {
        true => format!("  ← {}", harmless(&sample.response)),
        false => output.bad(&format!("  ← {}", harmless(&sample.errors.join("; ")))),
    };
    format!("{head}\n  → {}\n{answer}", harmless(&sample.request))
}

/// The time of day in UTC.
fn clock(at: f64) -> String {
    let seconds = Duration::try_from_secs_f64(at).unwrap_or_default();
    let of_day = seconds.as_secs() % 86_400;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60,
        seconds.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_shown_with_its_time_and_cannot_steer_the_terminal() {
        let sample = Sample {
            at: 1_700_000_000.25,
            action: "find".to_owned(),
            took_seconds: 0.0042,
            request: "{title: \"a\u{1b}[2J\"}".to_owned(),
            errors: vec!["UNKNOWN: no".to_owned()],
            ..Sample::default()
        };
        let expected = "22:13:20.250 find from a program in 4.2ms\n  → {title: \"a\u{fffd}[2J\"}\n  ← UNKNOWN: no";
        assert_eq!(text(Output::new(true), &sample), expected);
    }
}
