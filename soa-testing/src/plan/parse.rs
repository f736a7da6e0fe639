//! The parser: from the text of a plan to its cases.
//!
//! Consecutive lines are a case, and a blank line ends it. `global` lines and `test skip global` apply to the cases that
//! end after them. After a mistake the parser goes on with the next line. So it reports all mistakes at once, and a
//! mistake in one case does not prevent the others from being run.

use std::sync::Arc;

use soa_runtime::codec::Value;

use super::case::{ActionCase, Case, ErrorSet, ExpectedError, Fixtures};
use super::display::is_hidden;
use super::form::{FormKind, Slot};
use super::grammar::{self, Matched};
use super::line::{Wrong, data_type, expected, put, value};
use super::matcher::AnyKind;
use super::mistake::Mistake;
use super::surround;
use super::typed::Typed;

/// Parses a text. Returns the cases, also those with mistakes, and all mistakes.
pub(super) fn parse(file: &str, text: &str) -> (Vec<Case>, Vec<Mistake>) {
    // Some editors write a byte order mark at the beginning.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source: Arc<[String]> = text.lines().map(expand_tabs).collect();
    let mut parser = Parser {
        file: file.into(),
        source: Arc::clone(&source),
        cases: Vec::new(),
        mistakes: Vec::new(),
        common: Open::default(),
        open: None,
    };
    for (number, line) in (1..).zip(source.iter()) {
        if is_blank(line) {
            parser.end_of_case();
        } else if line.chars().all(|part| part == ' ' || is_hidden(part)) {
            let problem = "this line looks blank, but has characters other than blanks and tabs";
            parser.mistake(number, 0, problem, "");
            parser.open_at(number);
        } else {
            parser.line(number, line);
        }
    }
    parser.end_of_case();
    if parser.cases.is_empty() && parser.mistakes.is_empty() {
        parser.mistake(
            1,
            0,
            "this file has no case; a case begins with `test name: …`",
            "",
        );
    }
    parser.mistakes.sort_by_key(|mistake| mistake.line);
    (parser.cases, parser.mistakes)
}

/// Returns true if a line ends a case. Other white space is not part of the grammar, and a mistake.
fn is_blank(line: &str) -> bool {
    line.trim_matches([' ', '\r']).is_empty()
}

/// Replaces tabs by blanks up to the next multiple of eight, as PySOA does.
fn expand_tabs(line: &str) -> String {
    let mut expanded = String::with_capacity(line.len());
    let mut column = 0;
    for character in line.chars() {
        if character == '\t' {
            let width = 8 - column % 8;
            expanded.extend(std::iter::repeat_n(' ', width));
            column += width;
        } else {
            expanded.push(character);
            column += 1;
        }
    }
    expanded
}

/// A case while its lines are read, or the `global` lines.
#[derive(Default)]
struct Open {
    first_line: usize,
    name: Option<String>,
    description: Option<String>,
    skip: Option<String>,
    fixtures: Fixtures,
    actions: Vec<ActionCase>,
}

impl Open {
    fn action(&mut self, action: &str, index: u32, line: usize) -> Option<&mut ActionCase> {
        let found = self
            .actions
            .iter()
            .position(|case| case.is_of(action, index));
        let at = found.unwrap_or_else(|| {
            self.actions.push(ActionCase {
                action: action.to_owned(),
                index,
                line,
                ..ActionCase::default()
            });
            self.actions.len() - 1
        });
        self.actions.get_mut(at)
    }
}

struct Parser {
    file: Arc<str>,
    source: Arc<[String]>,
    cases: Vec<Case>,
    mistakes: Vec<Mistake>,
    common: Open,
    open: Option<Open>,
}

impl Parser {
    /// Adds a mistake at a byte of a line.
    fn mistake(
        &mut self,
        line: usize,
        at: usize,
        problem: impl Into<String>,
        nearest: &'static str,
    ) {
        let source = line.checked_sub(1).and_then(|line| self.source.get(line));
        let source = source.cloned().unwrap_or_default();
        let column = source.get(..at).unwrap_or_default().chars().count() + 1;
        self.mistakes.push(Mistake {
            file: Arc::clone(&self.file),
            line,
            column,
            source,
            problem: problem.into(),
            nearest,
        });
    }

    fn line(&mut self, number: usize, line: &str) {
        let matched = match grammar::read(line) {
            Ok(matched) => matched,
            Err(problem) => {
                let expected = problem.expected.join(", or ");
                self.mistake(
                    number,
                    problem.at,
                    format!("expected {expected}"),
                    problem.nearest,
                );
                self.open_at(number);
                return;
            }
        };
        if matched.kind == FormKind::Comment {
            return;
        }
        let target = if matched.has(Slot::Global) {
            &mut self.common
        } else {
            self.open_at(number)
        };
        if let Err(Wrong { slot, problem }) = ingest(target, number, &matched) {
            self.mistake(number, matched.place(slot, line), problem, "");
        }
    }

    fn open_at(&mut self, line: usize) -> &mut Open {
        self.open.get_or_insert_with(|| Open {
            first_line: line,
            ..Open::default()
        })
    }

    fn end_of_case(&mut self) {
        let Some(open) = self.open.take() else { return };
        let line = open.first_line;
        let mut last_line = line;
        while let Some(next) = self.source.get(last_line)
            && !is_blank(next)
        {
            last_line += 1;
        }
        let is_whole = !self.mistakes.iter().any(|mistake| mistake.line >= line);
        if is_whole {
            if open.name.is_none() {
                self.mistake(
                    line,
                    0,
                    "the case has no name; add a line `test name: …`",
                    "",
                );
            } else if open.description.is_none() {
                self.mistake(
                    line,
                    0,
                    "the case has no description; add a line `test description: …`",
                    "",
                );
            }
            if open.actions.is_empty() {
                self.mistake(
                    line,
                    0,
                    "the case calls no action; add a line for each call, such as `ACTION: expect: no errors`",
                    "",
                );
            }
        }
        let Some(name) = open.name else { return };
        if self.cases.iter().any(|case| case.name == name) {
            let problem = format!("another case of this file has the name `{name}`");
            self.mistake(line, 0, problem, "");
        }
        let common = &self.common.actions;
        let actions = open.actions.into_iter().map(|action| {
            let mut common = common.iter();
            match common.find(|common| common.is_of(&action.action, action.index)) {
                Some(common) => common.clone().overlaid(action),
                None => action,
            }
        });
        let skip = open.skip.or_else(|| self.common.skip.clone());
        self.cases.push(Case {
            file: Arc::clone(&self.file),
            source: Arc::clone(&self.source),
            name,
            description: open.description.unwrap_or_default(),
            first_line: line,
            last_line,
            // `test skip:` without a reason overrides `test skip global:`.
            skip: skip.filter(|reason| !reason.is_empty()),
            fixtures: open.fixtures,
            actions: actions.collect(),
        });
    }
}

/// Adds a line to a case.
fn ingest(case: &mut Open, line: usize, matched: &Matched<'_>) -> Result<(), Wrong> {
    let owned = |slot| matched.text(slot).to_owned();
    let once = |place: &mut Option<String>, text: String, what: &str| match place.replace(text) {
        Some(_) => Err(Slot::Name.wrong(format!(
            "this case already has a {what}; a blank line ends a case"
        ))),
        None => Ok(()),
    };
    match matched.kind {
        FormKind::Name => return once(&mut case.name, owned(Slot::Name), "name"),
        FormKind::Description => {
            return once(
                &mut case.description,
                owned(Slot::Description),
                "description",
            );
        }
        FormKind::Skip => {
            case.skip = Some(owned(Slot::Reason));
            return Ok(());
        }
        _ => {}
    }
    let Some(name) = matched.get(Slot::Action) else {
        return surround::ingest(&mut case.fixtures, line, matched);
    };
    let index = match matched.get(Slot::Index) {
        Some(index) => index
            .parse()
            .map_err(|_| Slot::Index.wrong(format!("index {index} is too large")))?,
        None => 0,
    };
    let Some(action) = case.action(name, index, line) else {
        return Ok(());
    };
    match matched.kind {
        FormKind::Input => {
            let tree = match matched.get(Slot::Header) {
                Some("context") => &mut action.context,
                Some(_) => &mut action.control,
                None => &mut action.body,
            };
            put(tree, line, matched, value(matched)?)
        }
        FormKind::ExpectValue => {
            let tree = match matched.has(Slot::Not) {
                true => &mut action.not_expected,
                false => &mut action.expected,
            };
            put(tree, line, matched, expected(matched)?)
        }
        FormKind::ExpectAny => {
            let any =
                AnyKind::new(data_type(matched)).map_err(|text| Slot::DataType.wrong(text))?;
            put(&mut action.expected, line, matched, Typed::Any(any))
        }
        FormKind::ExpectNone => put(
            &mut action.expected,
            line,
            matched,
            Typed::Value(Value::Nil),
        ),
        FormKind::ExpectNotPresent => {
            put(&mut action.absent, line, matched, Typed::Value(Value::Nil))
        }
        FormKind::ExpectNoErrors => {
            action.no_errors = Some(line);
            Ok(())
        }
        FormKind::ExpectError => {
            let set = ErrorSet {
                of_job: matched.has(Slot::Job),
                is_not: matched.has(Slot::Not),
                is_exact: matched.has(Slot::Exact),
            };
            let some = |slot| {
                matched
                    .get(slot)
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
            };
            action.errors.entry(set).or_default().push(ExpectedError {
                line,
                code: owned(Slot::Code),
                field: some(Slot::Field),
                message: some(Slot::Message),
            });
            Ok(())
        }
        _ => surround::ingest(&mut action.fixtures, line, matched),
    }
}
