//! The output: text for people, in columns and with colours on a terminal, and JSON for programs.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::Value as Json;

use crate::failure::{Failure, Reason};

/// The form of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) as_json: bool,
    has_colours: bool,
}

impl Output {
    pub(crate) fn new(as_json: bool) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let has_colours =
            !as_json && !is_dumb && !is_set("NO_COLOR") && std::io::stdout().is_terminal();
        Self {
            as_json,
            has_colours,
        }
    }

    pub(crate) fn is_coloured(self) -> bool {
        self.has_colours
    }

    fn painted(self, code: &str, text: &str) -> String {
        match self.has_colours && !text.is_empty() {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.painted("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.painted("2", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.painted("32", text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.painted("33", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.painted("31", text)
    }

    /// Prints JSON: in one line, or indented for people.
    pub(crate) fn json(self, value: &Json) -> Result<(), Failure> {
        print(&match std::io::stdout().is_terminal() {
            true => format!("{value:#}"),
            false => value.to_string(),
        })
    }

    /// Prints a table. Columns whose heading begins with `>` are aligned to the right.
    pub(crate) fn table(self, headings: &[&str], rows: &[Vec<Cell>]) -> String {
        let names = headings
            .iter()
            .map(|heading| heading.trim_start_matches('>'));
        let mut widths: Vec<usize> = names.clone().map(width).collect();
        for row in rows {
            for (most, cell) in widths.iter_mut().zip(row) {
                *most = (*most).max(width(&cell.text));
            }
        }
        let line = |cells: Vec<(String, usize)>| {
            let mut line = String::new();
            let last = cells.len().saturating_sub(1);
            for (index, ((painted, length), heading)) in cells.into_iter().zip(headings).enumerate()
            {
                let gap = " ".repeat(
                    widths
                        .get(index)
                        .copied()
                        .unwrap_or(0)
                        .saturating_sub(length),
                );
                match heading.starts_with('>') {
                    true => line += &format!("{gap}{painted}"),
                    false if index == last => line += &painted,
                    false => line += &format!("{painted}{gap}"),
                }
                if index != last {
                    line += "  ";
                }
            }
            line.trim_end().to_owned() + "\n"
        };
        let mut out = line(names.map(|name| (self.dim(name), width(name))).collect());
        for row in rows {
            out += &line(
                row.iter()
                    .map(|cell| (cell.tone.paint(self, &cell.text), width(&cell.text)))
                    .collect(),
            );
        }
        out
    }
}

/// The number of columns of a text on the terminal, as far as it is of one column a character.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// The tone of a text beside its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Dim,
    Strong,
    Good,
    Warning,
    Bad,
}

impl Tone {
    fn paint(self, output: Output, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Dim => output.dim(text),
            Self::Strong => output.bold(text),
            Self::Good => output.good(text),
            Self::Warning => output.warning(text),
            Self::Bad => output.bad(text),
        }
    }
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        // A name from the wire may hold anything, escape sequences of terminals among it.
        let text = harmless(&text.into());
        Self { text, tone }
    }

    /// A cell for what is unknown.
    pub(crate) fn unknown() -> Self {
        Self::new("-", Tone::Dim)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// Replaces characters that a terminal would obey.
pub(crate) fn harmless(text: &str) -> String {
    let one = |character: char| match character.is_control() {
        true => '\u{fffd}',
        false => character,
    };
    text.chars().map(one).collect()
}

/// The same for a text of several lines.
pub(crate) fn harmless_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(harmless).collect();
    lines.join("\n")
}

/// Writes a result to the standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        // The reader, such as `head`, has closed the pipe.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(|error| {
            Failure::new(
                Reason::Bad,
                format!("the output cannot be written: {error}"),
            )
        }),
    }
}

/// Writes lines to the standard error. A standard error that is closed has no reader.
pub(crate) fn complain(lines: &str) {
    let _ = std::io::stderr().lock().write_all(lines.as_bytes());
}

/// A number of things: `1 worker`, `2 workers`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(count: N, thing: &str) -> String {
    match count == N::from(1) {
        true => format!("1 {thing}"),
        false => format!("{count} {thing}s"),
    }
}

/// The requests that wait, as the beginning of a sentence.
pub(crate) fn requests_wait(count: u64) -> String {
    let verb = if count == 1 { "waits" } else { "wait" };
    format!("{} {verb}", counted(count, "request"))
}

/// A time in at most two units: `350ms`, `4.2s`, `3m 10s`, `2h 5m`, `4d 1h`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{}ms", time.as_millis()),
        1..10 => format!("{:.1}s", time.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3_600 => two(seconds, 60, "m", 1, "s"),
        3_600..86_400 => two(seconds, 3_600, "h", 60, "m"),
        _ => two(seconds, 86_400, "d", 3_600, "h"),
    }
}

fn two(seconds: u64, large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    let rest = seconds % large / small;
    match rest {
        0 => format!("{}{large_unit}", seconds / large),
        rest => format!("{}{large_unit} {rest}{small_unit}", seconds / large),
    }
}

/// A latency in milliseconds, with three digits.
pub(crate) fn latency(seconds: f64) -> String {
    let millis = seconds * 1_000.0;
    match millis {
        millis if millis < 1.0 => format!("{millis:.2}ms"),
        millis if millis < 10.0 => format!("{millis:.1}ms"),
        millis if millis < 10_000.0 => format!("{millis:.0}ms"),
        _ => format!("{seconds:.1}s"),
    }
}

/// A number of events a second.
pub(crate) fn rate(rate: f64) -> String {
    match rate {
        rate if rate <= 0.0 => "0/s".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}/s"),
        rate => format!("{rate:.0}/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Output = Output {
        as_json: false,
        has_colours: false,
    };

    #[test]
    fn a_table_has_columns_as_wide_as_their_widest_cell() {
        let rows = [
            vec![Cell::from("books"), Cell::from("7")],
            vec![Cell::from("a"), Cell::new("1,204", Tone::Bad)],
        ];
        let text = PLAIN.table(&["SERVICE", ">DEPTH"], &rows);
        assert_eq!(text, "SERVICE  DEPTH\nbooks        7\na        1,204\n");
    }

    #[test]
    fn names_from_the_wire_cannot_steer_the_terminal() {
        let cell = Cell::from("x\u{1b}[2Jy\r\n");
        assert_eq!(cell.text, "x\u{fffd}[2Jy\u{fffd}\u{fffd}");
    }

    #[test]
    fn one_thing_is_counted_in_the_singular() {
        assert_eq!(counted(1_u64, "worker"), "1 worker");
        assert_eq!(counted(0_usize, "worker"), "0 workers");
        assert_eq!(requests_wait(1), "1 request waits");
        assert_eq!(requests_wait(12), "12 requests wait");
    }

    #[test]
    fn times_have_at_most_two_units() {
        for (millis, text) in [
            (12, "12ms"),
            (4_200, "4.2s"),
            (59_999, "59s"),
            (60_000, "1m"),
            (190_000, "3m 10s"),
            (7_500_000, "2h 5m"),
            (349_200_000, "4d 1h"),
        ] {
            assert_eq!(time(Duration::from_millis(millis)), text);
        }
    }
}
