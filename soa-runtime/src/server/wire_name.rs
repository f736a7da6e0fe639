//! The rule of names on the wire.
//!
//! `soa-macros` has the same rule for names in attributes, and depends on nothing that could share it. One table of cases
//! holds both: the tests of both crates run it.

/// Returns true for a name that can travel.
#[doc(hidden)]
pub fn is_wire_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::is_wire_name;

    #[test]
    fn names_are_valid_and_refused_as_in_attributes() {
        let table = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../soa-macros/tests/cases/wire_names.txt"
        ));
        for line in table.lines().filter(|line| line.starts_with('"')) {
            let (name, expected) = line[1..].rsplit_once("\" ").unwrap();
            assert!(matches!(expected, "valid" | "refused"), "{line}");
            assert_eq!(is_wire_name(name), expected == "valid", "{line}");
        }
    }
}
