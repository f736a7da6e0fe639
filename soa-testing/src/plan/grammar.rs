//! The reader of one line, by the table of all [forms](super::form).
//!
//! White space is allowed before each token and never required, as in PySOA: `expect int :` and `expectint:` are the same.
//! If no form matches the whole line, the mistake is reported by the most similar form: the place at which the line stops
//! matching it, and the tokens that it expects there.

use super::form::{FORMS, Form, FormKind, PREFIX, Scope, Slot, Token};

/// A line that matches a form, with the text of its parts.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    pub(super) kind: FormKind,
    found: Vec<(Slot, &'a str)>,
}

impl<'a> Matched<'a> {
    pub(super) fn get(&self, slot: Slot) -> Option<&'a str> {
        let mut found = self.found.iter();
        found.find(|(of, _)| *of == slot).map(|(_, text)| *text)
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.get(slot).is_some()
    }

    /// Returns the offset of a part in the line, in bytes; 0 if the line does not have it.
    pub(super) fn place(&self, slot: Slot, line: &str) -> usize {
        let part = self.get(slot).filter(|part| !part.is_empty());
        // It is a slice of the line, so the difference of the addresses is its offset.
        part.map_or(0, |part| {
            part.as_ptr().addr().saturating_sub(line.as_ptr().addr())
        })
    }

    /// Returns the text of a part; empty if the line does not have it.
    pub(super) fn text(&self, slot: Slot) -> &'a str {
        self.get(slot).unwrap_or_default()
    }
}

/// The mistake in a line that matches no form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotUnderstood {
    /// Offset of the mistake in the line, in bytes.
    pub(super) at: usize,
    /// The tokens that are expected there.
    pub(super) expected: Vec<String>,
    /// The syntax of the most similar form.
    pub(super) nearest: &'static str,
}

/// Finds the form of a line.
pub(super) fn read(line: &str) -> Result<Matched<'_>, NotUnderstood> {
    let mut failed = Vec::with_capacity(FORMS.len());
    for form in FORMS {
        let mut reader = Reader {
            line,
            at: 0,
            found: Vec::new(),
            failure: Failure::default(),
        };
        if reader.all(form) {
            return Ok(Matched {
                kind: form.kind,
                found: reader.found,
            });
        }
        failed.push((form, reader.failure));
    }
    Err(mistake(line, &failed))
}

/// The place at which a line stops matching a form, and the tokens that the form expects there.
#[derive(Debug, Default)]
struct Failure {
    at: usize,
    expected: Vec<String>,
}

/// Forms whose distances from a line differ by less than this are equally similar.
const TIE_DISTANCE: f64 = 0.05;

/// The greatest distance of a form that is reported as the nearest one.
const MAX_NEAREST_DISTANCE: f64 = 0.6;

fn mistake(line: &str, failed: &[(&'static Form, Failure)]) -> NotUnderstood {
    let scores = failed.iter().map(|(form, _)| distance(line, form));
    let scores: Vec<f64> = scores.collect();
    let best = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let mut chosen: Option<&(&'static Form, Failure)> = None;
    for (candidate, score) in failed.iter().zip(scores) {
        let is_near = best > MAX_NEAREST_DISTANCE || score <= best + TIE_DISTANCE;
        if is_near && chosen.is_none_or(|chosen| is_better(line, &candidate.1, &chosen.1)) {
            chosen = Some(candidate);
        }
    }
    let Some((form, failure)) = chosen else {
        // The table is not empty, so a form is always chosen.
        return NotUnderstood {
            at: 0,
            expected: Vec::new(),
            nearest: "",
        };
    };
    NotUnderstood {
        at: failure.at,
        expected: failure.expected.clone(),
        nearest: match best > MAX_NEAREST_DISTANCE {
            true => "",
            false => form.shown,
        },
    }
}

/// Returns true if a form matches more of a line than another, or as much with a more similar expected token.
fn is_better(line: &str, one: &Failure, other: &Failure) -> bool {
    let likeness = |failure: &Failure| {
        let rest = line.get(failure.at..).unwrap_or_default();
        let distances = failure.expected.iter().map(|wanted| {
            let wanted = wanted.trim_matches('`');
            let written: String = rest.chars().take(wanted.chars().count()).collect();
            strsim::damerau_levenshtein(&written, wanted)
        });
        distances.min().unwrap_or(usize::MAX)
    };
    one.at > other.at || (one.at == other.at && likeness(one) < likeness(other))
}

/// Returns the distance of the beginnings of a line and of a form: 0 if they are equal, 1 if they have nothing in common.
fn distance(line: &str, form: &Form) -> f64 {
    let head = form.head();
    let from = |part: &str| {
        let length = head.chars().count();
        let written: String = part.chars().take(length).collect();
        let distance = strsim::damerau_levenshtein(&written, &head);
        // Heads have at most some dozens of characters.
        distance as f64 / length.max(1) as f64
    };
    match (form.scope, line.split_once(':')) {
        (Scope::Case, _) => from(line),
        // The name of the action may be missing.
        (Scope::Action, None) => from(line) + TIE_DISTANCE,
        (Scope::Action, Some((_, part))) => from(part.trim_start()).min(from(line) + TIE_DISTANCE),
    }
}

struct Reader<'a> {
    line: &'a str,
    at: usize,
    found: Vec<(Slot, &'a str)>,
    failure: Failure,
}

impl<'a> Reader<'a> {
    fn all(&mut self, form: &Form) -> bool {
        if self.line.starts_with([' ', '\r']) {
            return self.fail("a directive in the first column");
        }
        let has_prefix = match form.scope {
            Scope::Case => true,
            Scope::Action => self.prefix(),
        };
        has_prefix && self.tokens(form.tokens) && self.end(form)
    }

    fn prefix(&mut self) -> bool {
        let name = self.line.split([':', '.', ' ']).next();
        if matches!(name, Some("input" | "expect")) {
            return self.fail("the name of an action");
        }
        self.tokens(PREFIX)
    }

    fn tokens(&mut self, tokens: &[Token]) -> bool {
        tokens.iter().all(|token| self.token(token))
    }

    fn token(&mut self, token: &Token) -> bool {
        match token {
            Token::Rest(slot) => {
                self.found
                    .push((*slot, self.rest().trim_matches([' ', '\t', '\r'])));
                self.at = self.line.len();
                return true;
            }
            Token::Maybe(tokens) => {
                let (at, found) = (self.at, self.found.len());
                if !self.tokens(tokens) {
                    self.at = at;
                    self.found.truncate(found);
                }
                return true;
            }
            _ => {}
        }
        self.skip_space();
        let rest = self.rest();
        let taken = match token {
            Token::Text(text) => rest.starts_with(text).then_some((text.len(), None)),
            Token::AnyCase(text) => {
                let written = rest.get(..text.len());
                let is_it = written.is_some_and(|written| written.eq_ignore_ascii_case(text));
                is_it.then_some((text.len(), None))
            }
            Token::OneOf(slot, texts) => {
                let mut texts = texts.iter();
                let found = texts.find(|text| rest.starts_with(**text));
                found.map(|text| (text.len(), Some(*slot)))
            }
            Token::Word(slot, more) => {
                let is_part =
                    |byte: u8| byte.is_ascii_alphanumeric() || more.as_bytes().contains(&byte);
                some(length(rest, is_part)).map(|length| (length, Some(*slot)))
            }
            Token::Digits(slot) => {
                some(length(rest, |byte| byte.is_ascii_digit())).map(|length| (length, Some(*slot)))
            }
            Token::Dotted(slot) => some(dotted(rest)).map(|length| (length, Some(*slot))),
            Token::Rest(_) | Token::Maybe(_) => None,
        };
        let Some((length, slot)) = taken else {
            return self.fail(token.wanted());
        };
        if let Some(slot) = slot {
            self.found
                .push((slot, rest.get(..length).unwrap_or_default()));
        }
        self.at += length;
        true
    }

    fn end(&mut self, form: &Form) -> bool {
        let at = self.at;
        self.skip_space();
        if self.rest().is_empty() {
            return true;
        }
        if form.kind == FormKind::Name {
            self.at = at;
            return self.fail("the end of the name, which has letters, digits and `_`");
        }
        self.fail("the end of the line")
    }

    fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\r']).len();
    }

    fn fail(&mut self, wanted: impl Into<String>) -> bool {
        if self.at > self.failure.at {
            self.failure = Failure {
                at: self.at,
                expected: Vec::new(),
            };
        }
        let wanted = wanted.into();
        if self.at == self.failure.at && !self.failure.expected.contains(&wanted) {
            self.failure.expected.push(wanted);
        }
        false
    }
}

fn some(length: usize) -> Option<usize> {
    (length > 0).then_some(length)
}

fn length(text: &str, is_part: impl Fn(u8) -> bool) -> usize {
    let end = text.bytes().position(|byte| !is_part(byte));
    end.unwrap_or(text.len())
}

/// Returns the length of the dotted name at the beginning of a text. Its parts have lowercase letters, digits and
/// underscores.
fn dotted(text: &str) -> usize {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut taken = 0;
    loop {
        let rest = text.get(taken..).unwrap_or_default();
        let behind = match taken {
            0 => rest,
            _ => rest.strip_prefix('.').unwrap_or_default(),
        };
        let begins_well =
            behind.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        if !begins_well {
            return taken;
        }
        taken += rest.len() - behind.len() + length(behind, is_part);
    }
}

#[cfg(test)]
mod tests {
    use Slot as S;

    use super::*;

    fn slots(line: &str) -> (FormKind, Vec<(Slot, &str)>) {
        let matched = read(line).unwrap();
        (matched.kind, matched.found)
    }

    #[test]
    fn white_space_is_free_between_tokens() {
        for line in [
            "user.1:expectint:attribute value:a.0:5",
            "user . 1 :  expect  int :  attribute value : a.0 :  5 ",
        ] {
            let (kind, found) = slots(line);
            assert_eq!(kind, FormKind::ExpectValue);
            assert_eq!(
                found,
                [
                    (S::Action, "user"),
                    (S::Index, "1"),
                    (S::DataType, "int"),
                    (S::Path, "a.0"),
                    (S::Value, "5")
                ]
            );
        }
    }

    #[test]
    fn a_word_that_could_be_two_things_is_what_the_line_makes_of_it() {
        assert_eq!(
            slots("a: expect not regex: attribute value: x: ^y").1[1],
            (S::DataType, "not regex")
        );
        assert_eq!(
            slots("a: expect none: attribute value: x").0,
            FormKind::ExpectNone
        );
        assert_eq!(
            slots("a: expect NONE: attribute value: x:").0,
            FormKind::ExpectNone
        );
        assert_eq!(
            slots("a: expect not present: attribute value: x:").0,
            FormKind::ExpectNotPresent
        );
        assert_eq!(
            slots("a: expect any datetime: attribute value: x").1[1],
            (S::DataType, "datetime")
        );
        assert_eq!(
            slots("mock: a.b: expect called: [[], {}]").0,
            FormKind::MockExpect
        );
        assert_eq!(slots("mock: a.b: expected: 5").0, FormKind::Mock);
        assert_eq!(
            slots("a: expect: error: code=X, message=one, two").1[2],
            (S::Message, "one, two")
        );
        assert_eq!(
            slots("input_file: expect: no errors").0,
            FormKind::ExpectNoErrors
        );
    }

    /// Returns the place of the mistake with the expected tokens, and the nearest form.
    fn mistake(line: &str) -> (String, &'static str) {
        let mistake = read(line).unwrap_err();
        (
            format!("{} {}", mistake.at, mistake.expected.join(", ")),
            mistake.nearest,
        )
    }

    #[test]
    fn a_mistake_is_where_the_nearest_form_ends() {
        assert_eq!(
            mistake("user: expect no errors").1,
            "ACTION: expect: no errors"
        );
        assert_eq!(
            mistake("user: expct: no errors").1,
            "ACTION: expect: no errors"
        );
        assert_eq!(
            mistake("user: inputs: a: 1").1,
            "ACTION: [job context | job control] input [TYPE]: PATH: VALUE"
        );
        assert_eq!(
            mistake("user: expect any int: attribute value: x: 5").0,
            "42 the end of the line"
        );
        assert_eq!(
            mistake("test nam: x"),
            ("0 `test name`".to_owned(), "test name: NAME")
        );
    }
}
