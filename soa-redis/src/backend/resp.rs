//! The wire of Redis, RESP2: commands as bytes, and bytes as answers.
//!
//! The bytes of an answer come in any portions. A [`Decoder`] keeps what is incomplete, and knows how many bytes it needs at
//! least before it looks again, so a large answer is not read from its beginning for each portion.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::error::{Error, ErrorKind};
use super::words::Value;

/// Room for answers before each read, and the most of it for a large one.
const READ_SIZE: usize = 16 * 1024;
const MAX_READ_SIZE: usize = 1024 * 1024;

/// Size of an answer above which its room is given back with it.
const KEPT_SIZE: usize = 256 * 1024;

/// Largest depth of lists in lists. Answers to the commands that are used have 3.
const MAX_DEPTH: usize = 16;

/// Largest size of a line, as errors and lengths are.
const MAX_LINE: usize = 64 * 1024;

/// Room for the answers of a list that is made before they are there: a length may lie.
const MAX_RESERVED: usize = 1024;

/// Writes a command, which is a list of words.
pub(super) fn write_command(out: &mut BytesMut, name: &str, words: &[Value]) {
    write_head(out, b'*', 1 + words.len());
    write_word(out, name.as_bytes());
    for word in words {
        match word {
            Value::Bytes(bytes) => write_word(out, bytes),
            Value::Integer(number) => write_word(out, number.to_string().as_bytes()),
            // No command has one.
            Value::Nil | Value::List(_) => write_word(out, b""),
        }
    }
}

fn write_word(out: &mut BytesMut, word: &[u8]) {
    write_head(out, b'$', word.len());
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

fn write_head(out: &mut BytesMut, kind: u8, mut number: usize) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        // A remainder by 10 is a digit, and there are 20 places for at most 20 of them.
        digits[begin] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&[kind]);
    out.extend_from_slice(&digits[begin..]);
    out.extend_from_slice(b"\r\n");
}

/// An answer: a value, or an error of Redis.
pub(super) type Answer = Result<Value, Error>;

/// Reads answers from bytes that come in portions.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    input: BytesMut,
    /// Number of bytes before which there is no whole answer.
    needed: usize,
}

impl Decoder {
    /// The bytes that were not read yet, to be continued.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The same, with room for what is to be read next.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        let missing = self.needed.saturating_sub(self.input.len());
        self.input.reserve(missing.clamp(READ_SIZE, MAX_READ_SIZE));
        &mut self.input
    }

    /// Returns the next answer, if it is there as a whole.
    ///
    /// # Errors
    /// The bytes are no answer. Nothing that follows can be read.
    pub(super) fn next(&mut self) -> Result<Option<Answer>, Error> {
        if self.input.len() < self.needed || self.input.is_empty() {
            return Ok(None);
        }
        let size = match measure(&self.input, 0, 0) {
            Ok(size) => size,
            Err(Incomplete::Needs(needed)) => {
                self.needed = needed;
                return Ok(None);
            }
            Err(Incomplete::Never(what)) => {
                return Err(Error::new(ErrorKind::Protocol, what));
            }
        };
        self.needed = 0;
        let whole = self.input.split_to(size).freeze();
        if size > KEPT_SIZE && self.input.is_empty() {
            // Otherwise the room of a large answer would be used again, and kept.
            self.input = BytesMut::new();
        }
        let mut reader = Reader { whole, place: 0 };
        // It was measured, so it can be read.
        Ok(reader.answer())
    }
}

/// The reason why there is no whole answer.
#[derive(Debug, PartialEq, Eq)]
enum Incomplete {
    /// There must be this number of bytes at least.
    Needs(usize),
    Never(&'static str),
}

/// Returns the place behind the answer that begins at this one.
fn measure(input: &[u8], place: usize, depth: usize) -> Result<usize, Incomplete> {
    if depth > MAX_DEPTH {
        return Err(Incomplete::Never("an answer of Redis is nested too deeply"));
    }
    let (kind, line, behind) = line(input, place)?;
    match kind {
        b'+' | b'-' | b':' => Ok(behind),
        b'$' => match length(line)? {
            None => Ok(behind),
            Some(length) => {
                let end = behind
                    .checked_add(length)
                    .and_then(|end| end.checked_add(2))
                    .ok_or(Incomplete::Never(
                        "the length of an answer of Redis is wrong",
                    ))?;
                match input.get(end - 2..end) {
                    Some(b"\r\n") => Ok(end),
                    Some(_) => Err(Incomplete::Never("an answer of Redis has no end")),
                    None => Err(Incomplete::Needs(end)),
                }
            }
        },
        b'*' => {
            let mut place = behind;
            for _ in 0..length(line)?.unwrap_or(0) {
                place = measure(input, place, depth + 1)?;
            }
            Ok(place)
        }
        _ => Err(Incomplete::Never("these bytes are no answer of Redis")),
    }
}

/// Returns the kind, the rest of the line at this place, and the place behind it.
fn line(input: &[u8], place: usize) -> Result<(u8, &[u8], usize), Incomplete> {
    let rest = input.get(place..).unwrap_or_default();
    let Some((kind, rest)) = rest.split_first() else {
        // The shortest answer has three bytes: an empty status.
        return Err(Incomplete::Needs(place + 3));
    };
    let rest = rest.get(..MAX_LINE).unwrap_or(rest);
    let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
        return Err(match rest.len() < MAX_LINE {
            true => Incomplete::Needs(input.len() + 1),
            false => Incomplete::Never("a line of an answer of Redis is too long"),
        });
    };
    Ok((*kind, &rest[..end], place + 1 + end + 2))
}

/// Reads a length; `None` for that of nothing.
fn length(line: &[u8]) -> Result<Option<usize>, Incomplete> {
    if line == b"-1" {
        return Ok(None);
    }
    let length = std::str::from_utf8(line)
        .ok()
        .and_then(|text| text.parse().ok());
    length.map(Some).ok_or(Incomplete::Never(
        "the length of an answer of Redis is wrong",
    ))
}

/// Reads an answer that is there as a whole.
struct Reader {
    whole: Bytes,
    place: usize,
}

impl Reader {
    fn answer(&mut self) -> Option<Answer> {
        let (kind, line, behind) = line(&self.whole, self.place).ok()?;
        let line = self.whole.slice_ref(line);
        self.place = behind;
        Some(match kind {
            b'-' => Err(error(&String::from_utf8_lossy(&line))),
            b'+' => Ok(Value::Bytes(line)),
            b':' => {
                let number = std::str::from_utf8(&line).ok();
                let number = number.and_then(|text| text.parse().ok());
                Ok(number.map_or(Value::Nil, Value::Integer))
            }
            b'$' => Ok(match length(&line).ok()? {
                None => Value::Nil,
                Some(length) => {
                    let end = behind + length;
                    self.place = end + 2;
                    Value::Bytes(self.whole.slice(behind..end))
                }
            }),
            _ => {
                let Some(count) = length(&line).ok()? else {
                    return Some(Ok(Value::Nil));
                };
                let mut all = Vec::with_capacity(count.min(MAX_RESERVED));
                for _ in 0..count {
                    // An error in a list is that of one command of a transaction, of which there is none.
                    all.push(self.answer()?.unwrap_or(Value::Nil));
                }
                Ok(Value::List(all))
            }
        })
    }
}

/// Makes an error of an answer, by its first word.
fn error(text: &str) -> Error {
    let kind = match text.split(' ').next().unwrap_or_default() {
        "WRONGTYPE" => ErrorKind::InvalidArgument,
        "NOAUTH" | "WRONGPASS" => ErrorKind::Auth,
        "MOVED" | "ASK" | "CLUSTERDOWN" => ErrorKind::Cluster,
        _ => ErrorKind::Unknown,
    };
    Error::new(kind, Cow::Owned(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::{copied, word};
    use super::*;

    /// An answer, as a test makes it.
    #[derive(Clone, Debug, PartialEq)]
    enum Sent {
        Status(String),
        Error(String),
        Number(i64),
        Bytes(Vec<u8>),
        Nil(bool),
        List(Vec<Self>),
    }

    impl Sent {
        fn write(&self, out: &mut Vec<u8>) {
            match self {
                Self::Status(text) => out.extend_from_slice(format!("+{text}\r\n").as_bytes()),
                Self::Error(text) => out.extend_from_slice(format!("-{text}\r\n").as_bytes()),
                Self::Number(number) => out.extend_from_slice(format!(":{number}\r\n").as_bytes()),
                Self::Bytes(bytes) => {
                    out.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
                    out.extend_from_slice(bytes);
                    out.extend_from_slice(b"\r\n");
                }
                Self::Nil(is_list) => {
                    out.extend_from_slice(if *is_list { b"*-1\r\n" } else { b"$-1\r\n" });
                }
                Self::List(all) => {
                    out.extend_from_slice(format!("*{}\r\n", all.len()).as_bytes());
                    all.iter().for_each(|one| one.write(out));
                }
            }
        }

        /// The value that is read; none for an error.
        fn value(&self) -> Option<Value> {
            Some(match self {
                Self::Status(status) => copied(status),
                Self::Error(_) => return None,
                Self::Number(number) => Value::Integer(*number),
                Self::Bytes(bytes) => word(bytes.clone()),
                Self::Nil(_) => Value::Nil,
                Self::List(all) => {
                    let all = all.iter().map(|one| one.value().unwrap_or(Value::Nil));
                    Value::List(all.collect())
                }
            })
        }
    }

    fn sent() -> impl Strategy<Value = Sent> {
        let leaf = prop_oneof![
            "[ -~]{0,40}".prop_map(Sent::Status),
            "[ -~]{0,40}".prop_map(Sent::Error),
            any::<i64>().prop_map(Sent::Number),
            proptest::collection::vec(any::<u8>(), 0..200).prop_map(Sent::Bytes),
            any::<bool>().prop_map(Sent::Nil),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            proptest::collection::vec(inner, 0..5).prop_map(Sent::List)
        })
    }

    fn read(bytes: &[u8]) -> Result<Option<Answer>, Error> {
        let mut decoder = Decoder::default();
        decoder.input().extend_from_slice(bytes);
        decoder.next()
    }

    proptest! {
        #[test]
        fn answers_are_read_from_whatever_portions_they_come_in(
            all in proptest::collection::vec(sent(), 1..6),
            portions in proptest::collection::vec(1_usize..50, 1..200),
        ) {
            let mut bytes = Vec::new();
            all.iter().for_each(|one| one.write(&mut bytes));
            let mut decoder = Decoder::default();
            let mut answers = Vec::new();
            let mut rest = &*bytes;
            let mut portions = portions.into_iter().cycle();
            while !rest.is_empty() {
                let size = portions.next().unwrap_or(1).min(rest.len());
                let (portion, further) = rest.split_at(size);
                rest = further;
                decoder.input().extend_from_slice(portion);
                while let Some(answer) = decoder.next().unwrap() {
                    answers.push(answer.ok());
                }
            }
            let expected: Vec<_> = all.iter().map(Sent::value).collect();
            prop_assert_eq!(answers, expected);
        }

        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut decoder = Decoder::default();
            decoder.input().extend_from_slice(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }
    }

    #[test]
    fn an_empty_status_is_whole_with_its_third_byte() {
        let mut decoder = Decoder::default();
        decoder.input().extend_from_slice(b"*1\r\n");
        assert!(decoder.next().unwrap().is_none());
        decoder.input().extend_from_slice(b"+\r\n");
        assert!(decoder.next().unwrap().is_some());
    }

    #[test]
    fn what_is_no_answer_is_an_error_and_not_waited_for() {
        for wrong in [
            &b"x\r\n"[..],
            b"$-2\r\n",
            b"$x\r\n",
            b"$99999999999999999999\r\n",
            b"$18446744073709551615\r\n",
            b"$1\r\nabc",
            &[b'*'; 1],
            &b"*1\r\n".repeat(20),
            &[b'+'; MAX_LINE + 2],
        ] {
            let outcome = read(wrong);
            match wrong {
                b"*" => assert!(matches!(outcome, Ok(None))),
                _ => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Protocol),
            }
        }
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        let mut decoder = Decoder::default();
        decoder
            .input()
            .extend_from_slice(b"*1000000000\r\n$1000000000\r\n");
        assert!(decoder.next().unwrap().is_none());
        assert!(decoder.input().capacity() < 1024);
        assert!(decoder.needed > 1_000_000_000);
    }

    #[test]
    fn the_room_of_a_large_answer_is_given_back_with_it() {
        let mut decoder = Decoder::default();
        let size = 8 * MAX_READ_SIZE;
        let head = format!("${size}\r\n");
        decoder.input().extend_from_slice(head.as_bytes());
        assert!(decoder.next().unwrap().is_none());
        decoder.input().extend_from_slice(&vec![b'x'; size]);
        decoder.input().extend_from_slice(b"\r\n");
        drop(decoder.next().unwrap().unwrap());
        assert!(decoder.room().capacity() < KEPT_SIZE);
    }

    #[test]
    fn a_command_is_a_list_of_words() {
        let mut out = BytesMut::new();
        let words = [word("key"), word("\r\n"), Value::Integer(-12), word("0.5")];
        write_command(&mut out, "RPUSH", &words);
        assert_eq!(
            &out[..],
            b"*5\r\n$5\r\nRPUSH\r\n$3\r\nkey\r\n$2\r\n\r\n\r\n$3\r\n-12\r\n$3\r\n0.5\r\n"
        );
    }

    #[test]
    fn errors_are_told_apart_by_their_first_words() {
        let kind = |text: &str| error(text).kind();
        assert_eq!(kind("WRONGTYPE Operation"), ErrorKind::InvalidArgument);
        assert_eq!(kind("WRONGPASS invalid"), ErrorKind::Auth);
        assert_eq!(kind("MOVED 1 a:1"), ErrorKind::Cluster);
        assert_eq!(kind("ERR unknown command"), ErrorKind::Unknown);
        assert_eq!(error("ERR a").details(), "ERR a");
    }
}
