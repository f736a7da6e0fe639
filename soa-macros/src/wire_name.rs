//! The rule for names on the wire: those of services, actions and health checks.
//!
//! A name starts with an ASCII letter and goes on with ASCII letters, digits, `_`, `-` and `.`. The
//! server applies the same rule to names that are given at run time; as this crate depends on nothing
//! of the runtime, the rule is written in both, and `tests/cases/wire_names.txt` is run by the tests of
//! both.

/// Returns true if a service, an action or a health check can have this name.
pub(crate) fn is_wire_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
        })
}

/// Returns the text of the error for an invalid name; `subject` has its article, as in `an action`.
pub(crate) fn broken_rule(name: &str, subject: &str) -> String {
    format!(
        "`{name}` cannot name {subject}: a name starts with a letter and goes on with letters, digits, `_`, `-` and `.`"
    )
}

#[cfg(test)]
mod tests {
    use super::is_wire_name;

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
