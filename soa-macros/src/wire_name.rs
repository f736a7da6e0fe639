//! The rule for names on the wire: those of services, actions and health checks; and that for packages of protobuf.
//!
//! A name starts with an ASCII letter and goes on with ASCII letters, digits, `_`, `-` and `.`. The
//! server applies the same rule to names that are given at run time; as this crate depends on nothing
//! of the runtime, the rule is written in both, and `tests/cases/wire_names.txt` is run by the tests of
//! both.

use syn::LitStr;

use crate::errors::Errors;

/// Returns true if a service, an action or a health check can have this name.
pub(crate) fn is_wire_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
        })
}

/// Returns a package of protobuf; `None` after a mistake in it. A package is words with dots between them.
pub(crate) fn package(given: Option<LitStr>, errors: &mut Errors) -> Option<LitStr> {
    let given = given?;
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let name = given.value();
    if name.split('.').all(is_word) {
        return Some(given);
    }
    errors.on(
        &given,
        format_args!("`{name}` is not a package of protobuf: write words of letters, digits and `_` with dots between them, as in `example_api`"),
    );
    None
}

/// Returns the name of a component; `None` after a mistake in it.
pub(crate) fn component(given: Option<LitStr>, errors: &mut Errors) -> Option<LitStr> {
    let given = given?;
    let name = given.value();
    if is_wire_name(&name) {
        return Some(given);
    }
    errors.on(&given, broken_rule(&name, "a component"));
    None
}

/// Returns the name of a service whose type has this name: a `-` before each capital letter but the first, in lower case.
/// Clients of the reference over HTTP make it in the same way.
pub(crate) fn of_type(name: &str) -> String {
    let mut output = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !output.is_empty() {
            output.push('-');
        }
        output.extend(letter.to_lowercase());
    }
    output
}

/// Returns the text of the error for an invalid name; `subject` has its article, as in `an action`.
pub(crate) fn broken_rule(name: &str, subject: &str) -> String {
    format!(
        "`{name}` cannot name {subject}: a name starts with a letter and goes on with letters, digits, `_`, `-` and `.`"
    )
}

#[cfg(test)]
mod tests {
    use super::{is_wire_name, of_type};

    #[test]
    fn a_service_without_a_name_has_that_of_its_type_with_dashes() {
        let cases = [
            ("DefaultNamed", "default-named"),
            ("HTTPApi", "h-t-t-p-api"),
            ("Example", "example"),
            ("Version2Api", "version2-api"),
            ("snake_case", "snake_case"),
            ("X", "x"),
        ];
        for (name, expected) in cases {
            assert_eq!(of_type(name), expected);
        }
    }

    #[test]
    fn names_are_valid_and_refused_as_in_the_runtime() {
        let table = include_str!("../tests/cases/wire_names.txt");
        for line in table.lines().filter(|line| line.starts_with('"')) {
            let (name, expected) = line[1..].rsplit_once("\" ").unwrap();
            assert!(matches!(expected, "valid" | "refused"), "{line}");
            assert_eq!(is_wire_name(name), expected == "valid", "{line}");
        }
    }
}
