//! serde's rules for the names of all fields or variants.

/// A rule of `#[serde(rename_all = "…")]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    case: Case,
    separator: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Lower,
    Upper,
    /// All words begin with a capital.
    Pascal,
    /// All words but the first.
    Camel,
}

impl Rule {
    /// Returns the rule of this name; `None` for one that serde does not know either.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (case, separator) = match name {
            "lowercase" => (Case::Lower, ""),
            "UPPERCASE" => (Case::Upper, ""),
            "PascalCase" => (Case::Pascal, ""),
            "camelCase" => (Case::Camel, ""),
            "snake_case" => (Case::Lower, "_"),
            "SCREAMING_SNAKE_CASE" => (Case::Upper, "_"),
            "kebab-case" => (Case::Lower, "-"),
            "SCREAMING-KEBAB-CASE" => (Case::Upper, "-"),
            _ => return None,
        };
        Some(Self { case, separator })
    }

    /// Renames a field, whose words have underscores between them.
    pub(super) fn field(self, name: &str) -> String {
        // serde leaves the underscores where a rule has no separator and no capitals.
        if self.separator.is_empty() && matches!(self.case, Case::Lower | Case::Upper) {
            return match self.case {
                Case::Upper => name.to_ascii_uppercase(),
                _ => name.to_owned(),
            };
        }
        if !self.separator.is_empty() {
            let name = name.replace('_', self.separator);
            return match self.case {
                Case::Upper => name.to_ascii_uppercase(),
                _ => name,
            };
        }
        let mut renamed = String::new();
        let mut capital = true;
        for letter in name.chars() {
            if letter == '_' {
                capital = true;
            } else if capital {
                renamed.push(letter.to_ascii_uppercase());
                capital = false;
            } else {
                renamed.push(letter);
            }
        }
        self.with_first_letter(renamed)
    }

    /// Renames a variant, whose words begin with capitals.
    pub(super) fn variant(self, name: &str) -> String {
        if self.separator.is_empty() {
            return match self.case {
                Case::Lower => name.to_ascii_lowercase(),
                Case::Upper => name.to_ascii_uppercase(),
                Case::Pascal | Case::Camel => self.with_first_letter(name.to_owned()),
            };
        }
        let mut renamed = String::new();
        for (index, letter) in name.char_indices() {
            if index > 0 && letter.is_uppercase() {
                renamed.push_str(self.separator);
            }
            renamed.push(letter.to_ascii_lowercase());
        }
        match self.case {
            Case::Upper => renamed.to_ascii_uppercase(),
            _ => renamed,
        }
    }

    fn with_first_letter(self, name: String) -> String {
        let mut letters = name.chars();
        match (self.case, letters.next()) {
            (Case::Camel, Some(first)) => {
                let first = first.to_ascii_lowercase();
                format!("{first}{}", letters.as_str())
            }
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn names_are_those_of_serde() {
        // (rule, field, variant), as serde_derive has them.
        let cases = [
            ("lowercase", "very_tasty", "verytasty"),
            ("UPPERCASE", "VERY_TASTY", "VERYTASTY"),
            ("PascalCase", "VeryTasty", "VeryTasty"),
            ("camelCase", "veryTasty", "veryTasty"),
            ("snake_case", "very_tasty", "very_tasty"),
            ("SCREAMING_SNAKE_CASE", "VERY_TASTY", "VERY_TASTY"),
            ("kebab-case", "very-tasty", "very-tasty"),
            ("SCREAMING-KEBAB-CASE", "VERY-TASTY", "VERY-TASTY"),
        ];
        for (name, field, variant) in cases {
            let rule = Rule::named(name).unwrap();
            assert_eq!(rule.field("very_tasty"), field, "{name}");
            assert_eq!(rule.variant("VeryTasty"), variant, "{name}");
        }
        assert_eq!(Rule::named("Title Case"), None);
    }
}
