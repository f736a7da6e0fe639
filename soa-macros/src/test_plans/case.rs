//! The cases of a plan: their names, and the reasons to ignore a test.
//!
//! Only the lines that a generated test depends on are read: `test name`, `test skip`, and directives that need the service
//! in the process of the test. Everything else is skipped, and mistakes in it are reported by the runtime when the tests
//! run.

use std::collections::HashSet;

/// The characters that count as blank, as in the runtime.
const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// A block of a plan that has a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) skip: Option<String>,
    /// True if the case, or a global directive for an action that it calls, freezes the clock, stubs or mocks.
    pub(super) is_local_only: bool,
}

/// Returns the cases of a text, which are its blocks with a name.
pub(super) fn cases(text: &str) -> Vec<Case> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cases = Vec::new();
    let mut skip_all: Option<String> = None;
    // The actions that global directives freeze, stub or mock. They apply to all cases that end behind them.
    let mut local_only: HashSet<(String, u32)> = HashSet::new();
    let lines: Vec<&str> = text.lines().collect();
    for block in lines.split(|line| line.trim_matches(BLANKS).is_empty()) {
        let (mut name, mut skip, mut is_local_only) = (None, None, false);
        let mut called = Vec::new();
        for line in block {
            if line.starts_with('#') {
                continue;
            }
            if let Some(rest) = directive(line, "test name") {
                let given = rest.strip_prefix(':');
                name = given.map(|name| name.trim_matches(BLANKS).to_owned());
            } else if let Some(rest) = directive(line, "test skip") {
                let reason = |rest: &str| {
                    let reason = rest.trim_start_matches(BLANKS).strip_prefix(':');
                    reason.map(|reason| reason.trim_matches(BLANKS).to_owned())
                };
                match rest.strip_prefix("global") {
                    Some(rest) => skip_all = reason(rest),
                    None => skip = reason(rest),
                }
            } else if needs_process(line) {
                is_local_only = true;
            } else if let Some((action, rest)) = of_action(line) {
                match directive(rest, "global") {
                    Some(rest) if needs_process(rest) => {
                        local_only.insert(action);
                    }
                    Some(_) => {}
                    None => {
                        is_local_only |= needs_process(rest);
                        called.push(action);
                    }
                }
            }
        }
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            continue;
        };
        let skip = skip.or_else(|| skip_all.clone());
        cases.push(Case {
            name,
            skip: skip.filter(|reason| !reason.is_empty()),
            is_local_only: is_local_only || called.iter().any(|action| local_only.contains(action)),
        });
    }
    cases
}

/// Returns the rest of a line that starts with a directive.
fn directive<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name);
    rest.map(|rest| rest.trim_start_matches(BLANKS))
}

/// Splits a line into its action, with an index, and its directive.
fn of_action(line: &str) -> Option<((String, u32), &str)> {
    let (action, rest) = line.split_once(':')?;
    let (action, index) = match action.split_once('.') {
        Some((action, index)) => (action, index.trim_matches(BLANKS).parse().ok()?),
        None => (action, 0),
    };
    let action = action.trim_matches(BLANKS).to_owned();
    Some(((action, index), rest.trim_start_matches(BLANKS)))
}

/// Returns true for a directive that freezes the clock, stubs or mocks.
fn needs_process(text: &str) -> bool {
    let mut words = ["freeze time", "stub action", "mock"].into_iter();
    words.any(|word| directive(text, word).is_some_and(|rest| rest.starts_with(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, skip: Option<&str>, is_local_only: bool) -> Case {
        Case {
            name: name.to_owned(),
            skip: skip.map(str::to_owned),
            is_local_only,
        }
    }

    #[test]
    fn cases_are_the_blocks_with_a_name() {
        let text = "# comment\necho: global input: a: 1\n\ntest name: one\ntest description: x\n\ntest skip global: all\n\n\
                    test name : two\nfreeze time: now\n\ntest skip:\ntest name: three\necho.1: mock: a.b: c: 1\n\n\
                    test skip: this\ntest name: four\n# mock: a\necho: input: freeze time: 1\n\ntest description: none\n";
        assert_eq!(
            cases(text),
            [
                case("one", None, false),
                case("two", Some("all"), true),
                case("three", None, true),
                case("four", Some("this"), false),
            ]
        );
    }

    #[test]
    fn what_is_said_for_all_cases_holds_for_those_that_end_behind_it_and_call_the_action() {
        let text = "test name: before\na: expect: no errors\n# b: global freeze time: now\n\n\
                    a . 0: global freeze time: now\n\n\
                    test name: frozen\na: expect: no errors\n\n\
                    test name: of_another_call\na.1: expect: no errors\nb: expect: no errors\n\n\
                    test name: stubbed\nb: expect: no errors\nb: global stub action: x: y: expect called:\n\n\
                    test name: stubbed_too\nb: expect: no errors\n\n\
                    a.1:global mock:a.b: c: 1\n\ntest name: mocked\na.1: expect: no errors\n";
        assert_eq!(
            cases(text),
            [
                case("before", None, false),
                case("frozen", None, true),
                case("of_another_call", None, false),
                case("stubbed", None, true),
                case("stubbed_too", None, true),
                case("mocked", None, true),
            ]
        );
    }

    #[test]
    fn blank_is_what_the_runtime_takes_for_blank() {
        let text = "\u{feff}test name: one\n \t\r\ntest name:\ttwo\r\n\u{a0}\n\u{c}\n";
        assert_eq!(
            cases(text),
            [case("one", None, false), case("two", None, false)]
        );
    }
}
