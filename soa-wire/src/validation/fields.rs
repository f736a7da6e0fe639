//! The names in routes, checked while compiling: generated code asks if a body has the field that a path, an argument or a
//! header names.
//!
//! `#[soa::body]` knows the fields of its type, and a type by hand tells them only at run time. So an unknown list of
//! fields has every name, and the names are checked again when the service is built.

use super::rules::FieldName;

/// The fields of an action's request and response.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    request: Option<&'static [FieldName]>,
    response: Option<&'static [FieldName]>,
}

impl Fields {
    /// Returns the fields of a request.
    #[must_use]
    pub const fn of_request(request: Option<&'static [FieldName]>) -> Self {
        Self::of_both(request, Some(&[]))
    }

    /// Returns the fields of a response.
    #[must_use]
    pub const fn of_response(response: Option<&'static [FieldName]>) -> Self {
        Self::of_both(Some(&[]), response)
    }

    /// Returns the fields of a request and its response.
    #[must_use]
    pub const fn of_both(
        request: Option<&'static [FieldName]>,
        response: Option<&'static [FieldName]>,
    ) -> Self {
        Self { request, response }
    }

    /// Checks that there is a field of this name.
    ///
    /// # Panics
    ///
    /// If there is none, with the problem and the fields that there are. Generated code calls this in constants, so the
    /// panic is an error of the compiler at the place of the call.
    #[track_caller]
    pub const fn must_have(&self, name: &str, problem: &str) {
        let (Some(request), Some(response)) = (self.request, self.response) else {
            return;
        };
        let mut text = Text::new();
        text.push(problem);
        let mut index = 0;
        // A constant cannot use iterators.
        while index < request.len() + response.len() {
            let known = match index < request.len() {
                true => request[index].read(),
                false => response[index - request.len()].written(),
            };
            if is_equal(known, name) {
                return;
            }
            text.push(if index == 0 {
                ": expected one of `"
            } else {
                ", `"
            });
            text.push(known);
            text.push("`");
            index += 1;
        }
        if index == 0 {
            text.push(", which has none");
        }
        panic!("{}", text.as_str());
    }
}

const fn is_equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// A text that is put together while compiling. It ends before the first piece that does not fit.
struct Text {
    bytes: [u8; 1024],
    len: usize,
    is_full: bool,
}

impl Text {
    const fn new() -> Self {
        Self {
            bytes: [0; 1024],
            len: 0,
            is_full: false,
        }
    }

    const fn push(&mut self, piece: &str) {
        let piece = piece.as_bytes();
        self.is_full |= self.len + piece.len() > self.bytes.len();
        if self.is_full {
            return;
        }
        let mut index = 0;
        while index < piece.len() {
            self.bytes[self.len + index] = piece[index];
            index += 1;
        }
        self.len += piece.len();
    }

    const fn as_str(&self) -> &str {
        let (text, _) = self.bytes.split_at(self.len);
        match std::str::from_utf8(text) {
            Ok(text) => text,
            // Whole texts are UTF-8.
            Err(_) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &[FieldName] = &[FieldName::new("id", "number"), FieldName::new("n", "name")];

    fn problem(fields: Fields, name: &'static str) -> Option<String> {
        let outcome = std::panic::catch_unwind(|| fields.must_have(name, "`x` is unknown"));
        outcome
            .err()
            .map(|text| *text.downcast::<String>().unwrap())
    }

    #[test]
    fn a_name_is_that_of_a_field_that_is_read_or_written() {
        const _: () = Fields::of_request(Some(FOUND)).must_have("id", "");
        const _: () = Fields::of_response(Some(FOUND)).must_have("number", "");
        const _: () = Fields::of_both(Some(FOUND), Some(FOUND)).must_have("name", "");
        let request = Fields::of_request(Some(FOUND));
        assert_eq!(
            problem(request, "number").as_deref(),
            Some("`x` is unknown: expected one of `id`, `n`")
        );
        assert_eq!(
            problem(Fields::of_both(Some(FOUND), Some(FOUND)), "i").as_deref(),
            Some("`x` is unknown: expected one of `id`, `n`, `number`, `name`")
        );
        assert_eq!(
            problem(Fields::of_response(Some(&[])), "id").as_deref(),
            Some("`x` is unknown, which has none")
        );
    }

    #[test]
    fn a_body_that_tells_no_names_has_every_name() {
        assert_eq!(problem(Fields::of_request(None), "id"), None);
        assert_eq!(problem(Fields::of_both(Some(FOUND), None), "x"), None);
    }

    #[test]
    fn a_list_that_is_too_long_is_cut() {
        const NAME: &str = "a_name_of_a_field_that_is_somewhat_longer_than_it_should_be";
        const MANY: &[FieldName] = &[FieldName::new(NAME, NAME); 100];
        let text = problem(Fields::of_request(Some(MANY)), "id").unwrap();
        assert!(
            text.starts_with("`x` is unknown: expected one of `a_name"),
            "{text}"
        );
    }
}
