//! What reads one line, by the table of all [forms](super::form).
//!
//! White space is allowed before each token and never needed, as in the reference, so `expect int :` and `expectint:` are
//! the same. Where no form takes the whole line, those that got furthest say what they expected there: that is the place
//! of the mistake, and of them the one that is nearest to what was written is named.

use super::form::{FORMS, Form, Kind, PREFIX, Scope, Slot, Token};

/// A line that was understood.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    pub(super) kind: Kind,
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

    /// The text of a slot, empty where there is none.
    pub(super) fn text(&self, slot: Slot) -> &'a str {
        self.get(slot).unwrap_or_default()
    }
}

/// Why a line was not understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotUnderstood {
    /// Where: bytes from the beginning of the line.
    pub(super) at: usize,
    /// What would have been right there.
    pub(super) expected: Vec<String>,
    /// The form that is nearest.
    pub(super) nearest: &'static str,
}

/// Finds the form of a line.
pub(super) fn read(line: &str) -> Result<Matched<'_>, NotUnderstood> {
    let mut furthest = Furthest::default();
    for form in FORMS {
        let mut reader = Reader {
            line,
            at: 0,
            found: Vec::new(),
            furthest: &mut furthest,
            form,
        };
        if reader.all(form) {
            return Ok(Matched {
                kind: form.kind,
                found: reader.found,
            });
        }
    }
    Err(furthest.into_mistake(line))
}

/// How far the forms have got, and what those that got furthest expected next.
#[derive(Default)]
struct Furthest {
    /// With what was right of the token that was not there: `expct` is nearer to `expect` than to `input`.
    reach: usize,
    at: usize,
    wanted: Vec<(String, &'static str)>,
}

impl Furthest {
    fn note(&mut self, at: usize, credit: usize, wanted: String, form: &'static Form) {
        let reach = at + credit;
        if reach > self.reach || self.wanted.is_empty() {
            (self.reach, self.at) = (reach, at);
            self.wanted.clear();
        }
        if reach == self.reach {
            self.wanted.push((wanted, form.shown));
        }
    }

    fn into_mistake(self, line: &str) -> NotUnderstood {
        let rest = line.get(self.at..).unwrap_or_default();
        // First how like what is there is to what should be, then the line to the whole form.
        let likeness = |(wanted, shown): &&(String, &str)| {
            let wanted = wanted.trim_matches('`');
            let written: String = rest.chars().take(wanted.chars().count()).collect();
            let here = strsim::damerau_levenshtein(&written.to_lowercase(), wanted);
            (here, strsim::damerau_levenshtein(tail(line), tail(shown)))
        };
        let nearest = self.wanted.iter().min_by_key(likeness);
        let nearest = nearest.map_or("", |(_, shown)| shown);
        let mut expected: Vec<String> = Vec::new();
        for (wanted, _) in self.wanted {
            if !expected.contains(&wanted) {
                expected.push(wanted);
            }
        }
        NotUnderstood {
            at: self.at,
            expected,
            nearest,
        }
    }
}

/// A line or a form without its action, and no longer than is worth comparing.
fn tail(line: &str) -> &str {
    const LENGTH: usize = 60;
    let tail = line.split_once(':').map_or(line, |(_, tail)| tail);
    let end = tail.char_indices().nth(LENGTH).map(|(at, _)| at);
    tail.get(..end.unwrap_or(tail.len())).unwrap_or(tail)
}

struct Reader<'a, 'f> {
    line: &'a str,
    at: usize,
    found: Vec<(Slot, &'a str)>,
    furthest: &'f mut Furthest,
    form: &'static Form,
}

impl<'a> Reader<'a, '_> {
    fn all(&mut self, form: &Form) -> bool {
        if self.line.starts_with([' ', '\r']) {
            return self.fail("a directive, which begins in the first column");
        }
        let has_prefix = match form.scope {
            Scope::Case => true,
            Scope::Action => self.prefix(),
        };
        has_prefix && self.tokens(form.tokens) && self.end()
    }

    fn prefix(&mut self) -> bool {
        if !self.tokens(PREFIX) {
            return false;
        }
        let action = self.found.iter().find(|(slot, _)| *slot == Slot::Action);
        if action.is_some_and(|(_, name)| matches!(*name, "input" | "expect")) {
            self.at = 0;
            return self.fail("the name of an action");
        }
        true
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
            let credit = match token {
                Token::Text(text) => common(text, rest),
                _ => 0,
            };
            self.furthest
                .note(self.at, credit, token.wanted(), self.form);
            return false;
        };
        if let Some(slot) = slot {
            self.found
                .push((slot, rest.get(..length).unwrap_or_default()));
        }
        self.at += length;
        true
    }

    fn end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty() || self.fail("the end of the line")
    }

    fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\r']).len();
    }

    fn fail(&mut self, wanted: impl Into<String>) -> bool {
        self.furthest.note(self.at, 0, wanted.into(), self.form);
        false
    }
}

/// How long the common beginning of two texts is, if it is long enough not to be chance.
fn common(one: &str, other: &str) -> usize {
    let pairs = one.bytes().zip(other.bytes());
    let length = pairs.take_while(|(one, other)| one == other).count();
    if length < 3 { 0 } else { length }
}

fn some(length: usize) -> Option<usize> {
    (length > 0).then_some(length)
}

fn length(text: &str, is_part: impl Fn(u8) -> bool) -> usize {
    let end = text.bytes().position(|byte| !is_part(byte));
    end.unwrap_or(text.len())
}

/// How long the dotted name at the beginning of a text is. Its parts are of small letters, digits and underscores.
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

    fn slots(line: &str) -> (Kind, Vec<(Slot, &str)>) {
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
            assert_eq!(kind, Kind::ExpectValue);
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
            Kind::ExpectNone
        );
        assert_eq!(
            slots("a: expect NONE: attribute value: x:").0,
            Kind::ExpectNone
        );
        assert_eq!(
            slots("a: expect not present: attribute value: x:").0,
            Kind::ExpectNotPresent
        );
        assert_eq!(
            slots("a: expect any datetime: attribute value: x").1[1],
            (S::DataType, "datetime")
        );
        assert_eq!(
            slots("mock: a.b: expect called: [[], {}]").0,
            Kind::MockExpect
        );
        assert_eq!(slots("mock: a.b: expected: 5").0, Kind::Mock);
        assert_eq!(
            slots("a: expect: error: code=X, message=one, two").1[2],
            (S::Message, "one, two")
        );
        assert_eq!(
            slots("input_file: expect: no errors").0,
            Kind::ExpectNoErrors
        );
    }

    /// What is expected at the place of the mistake, and the nearest form.
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
