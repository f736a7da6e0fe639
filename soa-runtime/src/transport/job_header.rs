//! Jobs that are delivered again and dead letters, as they are written.
//!
//! A header stands before the message, which stays as its sender wrote it.

use bytes::Bytes;

use super::redelivery::{DeadLetter, Redelivery};

/// The first word of the header of a job.
const HEAD: &str = "soa-job/1";

/// Longest header that is read, in bytes.
const MAX_HEADER: usize = 32 * 1024;

impl Redelivery {
    /// Writes the header, and the frame after it.
    pub(crate) fn write(&self, frame: &[u8]) -> Bytes {
        let (id, attempt, strikes, born) = (&self.id, self.attempt, self.strikes, self.born);
        let reason = self.reason;
        let late = if self.is_late { ";late=1" } else { "" };
        let suspect = if self.is_suspect { ";suspect=1" } else { "" };
        let header = format!(
            "{HEAD} id={id};attempt={attempt};strikes={strikes};born={born};reason={reason}{suspect}{late}\n"
        );
        [header.as_bytes(), frame].concat().into()
    }

    /// Reads a job with its header. Without a header, which only a person could have removed, it counts as a new one.
    pub(crate) fn read(job: &Bytes) -> (Option<Box<Self>>, Bytes) {
        let Some((fields, frame)) = fields(job) else {
            return (None, job.clone());
        };
        let number = |name: &str| field(&fields, name).and_then(|text| text.parse().ok());
        let redelivery = Self {
            id: field(&fields, "id").unwrap_or_default().to_owned(),
            attempt: number("attempt").unwrap_or(2),
            strikes: number("strikes").unwrap_or(0),
            is_suspect: field(&fields, "suspect") == Some("1"),
            is_late: field(&fields, "late") == Some("1"),
            born: field(&fields, "born")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
            reason: match field(&fields, "reason") {
                Some("crash") => "crash",
                Some("handed-over") => "handed-over",
                Some("retry") => "retry",
                _ => "unknown",
            },
        };
        (Some(Box::new(redelivery)), frame)
    }
}

impl DeadLetter {
    /// Writes the header, and the frame after it.
    pub(crate) fn write(&self) -> Bytes {
        let (attempt, strikes) = (self.attempts, self.strikes);
        let (born, died) = (self.born, self.died);
        let actions: Vec<_> = self
            .actions
            .iter()
            .take(8)
            .map(|name| escaped(name))
            .collect();
        let (id, actions) = (escaped(&self.id), actions.join(","));
        let (reason, error) = (escaped(&self.reason), escaped(&self.error));
        let header = format!(
            "{HEAD} id={id};attempt={attempt};strikes={strikes};born={born};reason={reason};died={died};actions={actions};error={error}\n"
        );
        [header.as_bytes(), &self.frame].concat().into()
    }

    /// Reads a dead letter as it is stored. One without a header is all frame. For the crates of the framework.
    #[doc(hidden)]
    pub fn read(job: &Bytes) -> Self {
        let (fields, frame) = fields(job).unwrap_or_else(|| (String::new(), job.clone()));
        let text = |name: &str| unescaped(field(&fields, name).unwrap_or_default());
        let number = |name: &str| text(name).parse().unwrap_or(0);
        let actions = field(&fields, "actions").unwrap_or_default();
        let actions = actions.split(',').filter(|name| !name.is_empty());
        Self {
            id: text("id"),
            actions: actions.map(unescaped).collect(),
            reason: text("reason"),
            attempts: text("attempt").parse().unwrap_or(0),
            strikes: text("strikes").parse().unwrap_or(0),
            error: text("error"),
            born: number("born"),
            died: number("died"),
            frame,
        }
    }
}

/// Splits a job into the fields of its header and its frame.
fn fields(job: &Bytes) -> Option<(String, Bytes)> {
    let rest = job.strip_prefix(HEAD.as_bytes())?.strip_prefix(b" ")?;
    let end = rest
        .iter()
        .take(MAX_HEADER)
        .position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(rest.get(..end)?).ok()?;
    let start = job.len() - rest.len() + end + 1;
    Some((header.to_owned(), job.slice(start..)))
}

fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = fields.split(';').filter_map(|field| field.split_once('='));
    fields.find_map(|(found, value)| (found == name).then_some(value))
}

/// Writes what separates fields, and line breaks, in another way. Cuts what is longer than a header may be.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars().take(512) {
        match char {
            '%' | ';' | ',' | '=' | '\n' | '\r' => {
                out.push_str(&format!("%{:02x}", u32::from(char)));
            }
            char => out.push(char),
        }
    }
    out
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('%');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let code = part
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(code) => {
                out.push(char::from(code));
                out.push_str(part.get(2..).unwrap_or_default());
            }
            None => {
                out.push('%');
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_comes_back_with_what_is_known_of_it_and_its_frame_is_unchanged() {
        let redelivery = Redelivery {
            id: "ab12".to_owned(),
            attempt: 3,
            strikes: 1,
            is_suspect: true,
            is_late: true,
            born: 1_700_000_000_123,
            reason: "crash",
        };
        let frame = b"content-type:application/msgpack;\n\x00soa-job/1 id=x\n";
        let (read, rest) = Redelivery::read(&redelivery.write(frame));
        assert_eq!(*read.unwrap(), redelivery);
        assert_eq!(&*rest, frame);
        let bare = Bytes::from_static(b"soa-job/1 without an end");
        assert_eq!(Redelivery::read(&bare), (None, bare));
    }

    #[test]
    fn a_dead_letter_is_read_as_it_was_written_whatever_its_texts() {
        let letter = DeadLetter {
            id: "a;b".to_owned(),
            actions: vec!["shr,ink".to_owned(), "x=%3b".to_owned()],
            reason: "poison".to_owned(),
            attempts: 3,
            strikes: 3,
            error: "three\nprocesses; 100 % of them, für immer".to_owned(),
            born: 1,
            died: 2,
            frame: Bytes::from_static(b"\n\xff"),
        };
        assert_eq!(DeadLetter::read(&letter.write()), letter);
        let mut long = letter.clone();
        long.error = "ü;".repeat(10_000);
        let read = DeadLetter::read(&long.write());
        assert_eq!((read.frame, read.strikes), (letter.frame, 3));
    }
}
