//! Lines, values and numbers as messages show them.

use std::borrow::Cow;
use std::fmt;

/// The greatest number of bytes that are shown of a value.
pub(super) const MAX_SHOWN_BYTES: usize = 4_096;

/// Returns a line of a plan with escapes in place of characters that would not be visible.
pub(super) fn visible(line: &str) -> Cow<'_, str> {
    if !line.contains(is_hidden) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 8);
    for character in line.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Returns true for control characters, white space other than blanks, and marks without a width, some of which change the
/// direction of text.
pub(super) fn is_hidden(character: char) -> bool {
    let is_mark = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    is_mark || character.is_control() || (character.is_whitespace() && character != ' ')
}

/// Returns a value as text, and only the beginning of a large one.
pub(super) fn cut(value: &impl fmt::Debug) -> String {
    Excerpt::new(MAX_SHOWN_BYTES, format_args!("{value:?}")).to_string()
}

/// The beginning of a text. The whole text is never in memory.
pub(super) struct Excerpt {
    text: String,
    limit: usize,
    /// Bytes after the beginning.
    left_out: usize,
}

impl Excerpt {
    pub(super) fn new(limit: usize, text: fmt::Arguments<'_>) -> Self {
        let mut excerpt = Self {
            text: String::new(),
            limit,
            left_out: 0,
        };
        // It fails if a value cannot be shown. What was written until then is kept.
        let _ = fmt::Write::write_fmt(&mut excerpt, text);
        excerpt
    }

    /// Returns the text, if nothing is left out.
    pub(super) fn into_whole(self) -> Option<String> {
        (self.left_out == 0).then_some(self.text)
    }
}

impl fmt::Write for Excerpt {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = match self.left_out {
            0 => self.limit - self.text.len().min(self.limit),
            _ => 0,
        };
        let (taken, rest) = text.split_at(text.floor_char_boundary(room));
        self.text.push_str(taken);
        self.left_out += rest.len();
        Ok(())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.left_out {
            0 => Ok(()),
            bytes => write!(f, "… and {} bytes more", with_commas(bytes)),
        }
    }
}

/// Returns a number with a comma before each group of three digits.
pub(super) fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use soa_runtime::codec::Value;
    use soa_runtime::value;

    use super::*;

    #[test]
    fn the_beginning_of_a_large_value_is_shown_and_how_much_is_left_out() {
        let numbers: Vec<Value> = (0..1_000_000).map(Value::from).collect();
        let shown = cut(&Value::List(numbers));
        assert!(shown.ends_with("… and 7,884,794 bytes more"), "{shown}");
        assert_eq!(
            cut(&value!("é".repeat(MAX_SHOWN_BYTES)))
                .chars()
                .filter(|c| *c == 'é')
                .count(),
            MAX_SHOWN_BYTES / 2 - 1
        );
    }

    #[test]
    fn numbers_have_commas() {
        let shown = [0, 999, 1_000, 12_345, 1_234_567].map(with_commas);
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
