//! From the text of a plan to its cases.
//!
//! A plan is lines. Lines without a blank one between are a case; `global` lines, and `test skip global`, hold for the
//! cases that end behind them. What is wrong with a line is noted and the next one read, so that all mistakes are told at
//! once, and a mistake in one case does not keep the others from being run.

use std::fmt;
use std::sync::Arc;

use super::case::{ActionCase, Case, ErrorSet, ExpectedError, Fixtures};
use super::form::{Kind, Slot};
use super::grammar::{self, Matched};
use super::matcher::AnyKind;
use super::report::{is_hidden, visible};
use super::surround;
use super::tree::{Leaf, Path, Tree};
use super::typed::Typed;
use soa_runtime::codec::Value;

/// A line of a plan that is not understood, or does not go with the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) source: String,
    pub(super) problem: String,
    pub(super) nearest: &'static str,
}

impl Mistake {
    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, counted in characters from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong, without the place.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            source,
            problem,
            nearest,
        } = self;
        write!(f, "{file}:{line}:{column}: {problem}")?;
        if !source.is_empty() {
            let before: String = source.chars().take(column.saturating_sub(1)).collect();
            let at = visible(&before).chars().count() + 1;
            write!(f, "\n    {}\n    {:>at$}", visible(source), "^")?;
        }
        if !nearest.is_empty() {
            write!(f, "\n    nearest form: {nearest}")?;
        }
        Ok(())
    }
}

/// All mistakes of a plan.
#[derive(Clone, PartialEq, Eq)]
pub struct PlanError {
    pub(super) mistakes: Vec<Mistake>,
}

impl PlanError {
    /// The mistakes, in the order of their lines.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for PlanError {
    /// As for people: it is what a test shows that ends with this error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for PlanError {}

/// The cases of a text, those with mistakes in them too, and all mistakes.
pub(super) fn parse(file: &str, text: &str) -> (Vec<Case>, Vec<Mistake>) {
    // Some editors begin a file with a mark of its encoding.
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
            let problem = "this line looks blank and is not: blanks and tabs are, and nothing else";
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
            "there is no case in this file: one begins with `test name: …`",
            "",
        );
    }
    parser.mistakes.sort_by_key(|mistake| mistake.line);
    (parser.cases, parser.mistakes)
}

/// Whether a line ends a case. Other space than this is no part of the grammar, and a mistake.
fn is_blank(line: &str) -> bool {
    line.trim_matches([' ', '\r']).is_empty()
}

/// Tabs as blanks up to the next multiple of eight, as the reference reads them.
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

/// A case while its lines come, or what is said for all cases.
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
    /// Notes a mistake at a byte of a line.
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
        if matched.kind == Kind::Comment {
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
                    "a case without a name: it needs a line `test name: …`",
                    "",
                );
            } else if open.description.is_none() {
                self.mistake(
                    line,
                    0,
                    "a case without a description: it needs a line `test description: …`",
                    "",
                );
            }
            if open.actions.is_empty() {
                self.mistake(line, 0, "a case that calls no action: each that is called needs a line, `ACTION: expect: no errors` for example", "");
            }
        }
        let Some(name) = open.name else { return };
        if self.cases.iter().any(|case| case.name == name) {
            let problem = format!("there is another case `{name}` in this file");
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
            // `test skip:` without a reason takes back what was said for all.
            skip: skip.filter(|reason| !reason.is_empty()),
            fixtures: open.fixtures,
            actions: actions.collect(),
        });
    }
}

/// What is wrong with a line that has a form, and in which part of it.
pub(super) struct Wrong {
    slot: Slot,
    problem: String,
}

impl From<String> for Wrong {
    /// It is mostly the value.
    fn from(problem: String) -> Self {
        Self {
            slot: Slot::Value,
            problem,
        }
    }
}

impl Slot {
    pub(super) fn is(self, problem: impl Into<String>) -> Wrong {
        Wrong {
            slot: self,
            problem: problem.into(),
        }
    }
}

/// Adds what a line says to a case.
fn ingest(case: &mut Open, line: usize, matched: &Matched<'_>) -> Result<(), Wrong> {
    let owned = |slot| matched.text(slot).to_owned();
    let once = |place: &mut Option<String>, text: String, what: &str| match place.replace(text) {
        Some(_) => Err(Slot::Name.is(format!(
            "this case has a {what} already; a blank line ends a case"
        ))),
        None => Ok(()),
    };
    match matched.kind {
        Kind::Name => return once(&mut case.name, owned(Slot::Name), "name"),
        Kind::Description => {
            return once(
                &mut case.description,
                owned(Slot::Description),
                "description",
            );
        }
        Kind::Skip => {
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
            .map_err(|_| Slot::Index.is(format!("index {index} is too large")))?,
        None => 0,
    };
    let Some(action) = case.action(name, index, line) else {
        return Ok(());
    };
    match matched.kind {
        Kind::Input => {
            let tree = match matched.get(Slot::Header) {
                Some("context") => &mut action.context,
                Some(_) => &mut action.control,
                None => &mut action.body,
            };
            put(tree, line, matched, value(matched)?)
        }
        Kind::ExpectValue => {
            let tree = match matched.has(Slot::Not) {
                true => &mut action.not_expected,
                false => &mut action.expected,
            };
            put(tree, line, matched, expected(matched)?)
        }
        Kind::ExpectAny => {
            let any = AnyKind::new(data_type(matched)).map_err(|text| Slot::DataType.is(text))?;
            put(&mut action.expected, line, matched, Typed::Any(any))
        }
        Kind::ExpectNone => put(
            &mut action.expected,
            line,
            matched,
            Typed::Value(Value::Nil),
        ),
        Kind::ExpectNotPresent => put(&mut action.absent, line, matched, Typed::Value(Value::Nil)),
        Kind::ExpectNoErrors => {
            action.no_errors = Some(line);
            Ok(())
        }
        Kind::ExpectError => {
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

fn data_type<'a>(matched: &Matched<'a>) -> &'a str {
    matched.get(Slot::DataType).unwrap_or("str")
}

pub(super) fn value(matched: &Matched<'_>) -> Result<Typed, String> {
    Typed::value(data_type(matched), matched.text(Slot::Value))
}

pub(super) fn expected(matched: &Matched<'_>) -> Result<Typed, String> {
    Typed::expected(data_type(matched), matched.text(Slot::Value))
}

pub(super) fn put(
    tree: &mut Tree,
    line: usize,
    matched: &Matched<'_>,
    typed: Typed,
) -> Result<(), Wrong> {
    let path = Path::parse(matched.text(Slot::Path));
    let put = path.and_then(|path| tree.put(&path, Leaf { line, typed }));
    put.map_err(|problem| Slot::Path.is(problem))
}
