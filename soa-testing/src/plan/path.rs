//! Paths: the places of values in a body.
//!
//! In `user.ids.0`, the names `user` and `ids` are keys, and the number `0` is an index. Text in braces is a key whatever
//! it looks like (`{0}`, `{a.b}`).

use std::fmt;

use soa_runtime::codec::Value;

/// The greatest index. Longer lists cannot be written by hand, and a stray digit must not take all memory.
const MAX_INDEX: usize = 9_999;

/// The greatest number of segments. Deeper bodies cannot be sent.
const MAX_DEPTH: usize = 100;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

/// A place in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Segment>);

impl Path {
    /// Parses a path such as `a.0.{b.c}`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let end = end_of_segment(rest)
                .ok_or_else(|| format!("the braces of path `{text}` do not match"))?;
            let (segment, behind) = rest.split_at(end);
            segments.push(Segment::parse(segment, text)?);
            if segments.len() > MAX_DEPTH {
                return Err(format!("the path has more than {MAX_DEPTH} segments"));
            }
            match behind.strip_prefix('.') {
                Some(behind) => rest = behind,
                None => return Ok(Self(segments)),
            }
        }
    }

    /// Returns the path with one segment more.
    pub(super) fn then(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// Returns the part of a value at this path, if there is one.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        let mut segments = self.0.iter();
        segments.try_fold(value, |value, segment| match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(index) => value.as_list()?.get(*index),
        })
    }
}

/// Returns the offset of the dot after the first segment, or the end of the text.
fn end_of_segment(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            '.' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    (depth == 0).then_some(text.len())
}

impl Segment {
    fn parse(text: &str, path: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(format!(
                "path `{path}` has an empty name; write a name with dots in braces: `{{a.b}}`"
            ));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let index = text.parse().ok().filter(|index| *index <= MAX_INDEX);
            let index =
                index.ok_or_else(|| format!("index {text} is over the limit of {MAX_INDEX}"))?;
            return Ok(Self::Index(index));
        }
        // The outermost braces are not part of the name.
        let mut key = String::with_capacity(text.len());
        let mut depth = 0_usize;
        for character in text.chars() {
            let is_outermost = match character {
                '{' => {
                    depth += 1;
                    depth == 1
                }
                '}' => {
                    depth = depth.saturating_sub(1);
                    depth == 0
                }
                _ => false,
            };
            if !is_outermost {
                key.push(character);
            }
        }
        Ok(Self::Key(key))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Key(key) => {
                let is_plain = !key.is_empty()
                    && !key.contains(['.', '{', '}'])
                    && !key.bytes().all(|byte| byte.is_ascii_digit());
                if is_plain {
                    f.write_str(key)
                } else {
                    write!(f, "{{{key}}}")
                }
            }
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            segment.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_it_is_shown() {
        for text in ["a", "a.0.b", "a.{b.c}.1", "{0}.x", "a.{{b.c}}", "a-b_c.0.0"] {
            let path = Path::parse(text).unwrap();
            assert_eq!(Path::parse(&path.to_string()).unwrap(), path, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_told() {
        for text in ["", ".", "a.", "a..b", "{a", "a}", "a.99999999999999999999"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse(&vec!["a"; 101].join(".")).is_err());
    }
}
