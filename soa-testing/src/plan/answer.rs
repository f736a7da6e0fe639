//! The answer of an action.

use soa_runtime::codec::{Map, Value};
use soa_runtime::message::{JobResponse, WireError};

use super::display::{Excerpt, MAX_SHOWN_BYTES};

/// The answer of an action that was called.
pub(super) struct Answer {
    pub(super) body: Value,
    pub(super) errors: Vec<WireError>,
    pub(super) job_errors: Vec<WireError>,
    /// True if the action ran; false if its job failed before.
    pub(super) has_run: bool,
}

impl Answer {
    pub(super) fn of(response: JobResponse) -> Result<Self, String> {
        let job_errors = response.errors;
        let Some(action) = response.actions.into_iter().next() else {
            return Ok(Self {
                body: Value::Map(Map::new()),
                errors: Vec::new(),
                job_errors,
                has_run: false,
            });
        };
        let body = action.body.to_value();
        Ok(Self {
            body: body.map_err(|error| format!("the response cannot be decoded: {error}"))?,
            errors: action.errors,
            job_errors,
            has_run: true,
        })
    }

    /// Returns the answer as text, under the name of the action.
    pub(super) fn describe(&self, name: &str) -> String {
        let errors = self.errors.iter().map(|error| ("error", error));
        let job_errors = self.job_errors.iter().map(|error| ("job error", error));
        let mut lines = String::new();
        for (what, error) in errors.chain(job_errors) {
            lines.push_str(&format!("\n    {what} {error}"));
            if let Some(traceback) = &error.traceback {
                lines.push_str(&format!(" [{traceback}]"));
            }
        }
        let lines = Excerpt::new(MAX_SHOWN_BYTES, format_args!("{lines}"));
        format!("{name} answered\n    {}{lines}", indented(&self.body))
    }
}

/// Returns a value as text, over several lines if it does not fit into one.
fn indented(value: &Value) -> String {
    const MAX_LINE_BYTES: usize = 100;
    let short = Excerpt::new(MAX_LINE_BYTES, format_args!("{value:?}"));
    short.into_whole().unwrap_or_else(|| {
        let long = Excerpt::new(MAX_SHOWN_BYTES, format_args!("{value:#?}"));
        long.to_string().replace('\n', "\n    ")
    })
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    #[test]
    fn a_value_that_does_not_fit_into_a_line_has_several_and_a_large_one_is_cut() {
        assert_eq!(indented(&value!([1])), "[1]");
        let numbers = (0..1_000_000).map(Value::from).collect();
        let shown = indented(&Value::List(numbers));
        assert!(shown.len() < 3 * MAX_SHOWN_BYTES, "{}", shown.len());
        assert!(shown.starts_with("[\n        0,\n"));
        assert!(shown.ends_with(" bytes more"));
    }
}
