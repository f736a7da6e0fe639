//! Doc comments as descriptions: a summary, the text, and what a section `Args:` says of each argument.

/// The parts of a doc comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comment {
    /// The first sentence or line.
    pub(super) summary: Option<String>,
    /// The whole text as Markdown, without the arguments that were taken out of it.
    pub(super) text: Option<String>,
    /// The descriptions of arguments, by their names.
    arguments: Vec<(String, String)>,
}

impl Comment {
    /// Reads a doc comment. The section `Args:` is in the style of Google: `name: text` or `name (type): text`, with the
    /// lines after it that are indented further. What it says of a known argument is shown there, and nowhere else.
    pub(super) fn read(comment: &str, is_known: impl Fn(&str) -> bool) -> Self {
        let lines: Vec<&str> = comment.trim().lines().map(str::trim_end).collect();
        let mut text: Vec<String> = Vec::new();
        let mut arguments = Vec::new();
        let mut index = 0;
        while let Some(line) = lines.get(index) {
            index += 1;
            if !is_header(line) {
                text.push((*line).to_owned());
                continue;
            }
            let section = lines.get(index..).unwrap_or_default();
            let (entries, read) = section_entries(section, indent(line));
            index += read;
            let unknown = entries.into_iter().filter_map(|(name, said)| {
                if !is_known(&name) {
                    return Some(format!("* `{name}`: {said}"));
                }
                arguments.push((name, said));
                None
            });
            let unknown: Vec<String> = unknown.collect();
            if !unknown.is_empty() {
                text.push((*line).to_owned());
                text.push(String::new());
                text.extend(unknown);
            }
        }
        let text = text.join("\n").trim().to_owned();
        Self {
            summary: summary(&text),
            text: Some(text).filter(|text| !text.is_empty()),
            arguments,
        }
    }

    /// Returns the description of an argument.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        let mut arguments = self.arguments.iter();
        let found = arguments.find(|(known, _)| known == name);
        found.map(|(_, said)| said.as_str())
    }
}

fn is_header(line: &str) -> bool {
    matches!(line.trim(), "Args:" | "Arguments:")
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|one| one.is_whitespace()).count()
}

/// Returns the first line. A sentence that goes on in the next line is not cut.
fn summary(text: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            break;
        }
        words.extend(line.split_whitespace());
        if line.trim_end().ends_with(['.', '!', '?', ':']) {
            break;
        }
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// Returns the entries of a section, and the number of its lines.
fn section_entries(lines: &[&str], outer: usize) -> (Vec<(String, String)>, usize) {
    let is_inside = |line: &&str| line.is_empty() || indent(line) > outer;
    let length = lines.iter().take_while(|line| is_inside(line)).count();
    let section = lines.get(..length).unwrap_or_default();
    let own = section.iter().find(|line| !line.is_empty());
    let own = own.map_or(0, |line| indent(line));
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in section.iter().filter(|line| !line.is_empty()) {
        match (
            entry(line).filter(|_| indent(line) <= own),
            entries.last_mut(),
        ) {
            (Some((name, said)), _) => entries.push((name.to_owned(), said.to_owned())),
            (None, Some((_, said))) => {
                if !said.is_empty() {
                    said.push(' ');
                }
                said.push_str(line.trim());
            }
            (None, None) => {}
        }
    }
    (entries, length)
}

/// Reads `name: text` or `name (type): text`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let end = line.find(|one: char| !(one.is_alphanumeric() || one == '_'));
    let (name, rest) = line.split_at_checked(end?)?;
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('(') {
        Some(inner) => inner.split_once(')')?.1.trim_start(),
        None => rest,
    };
    let said = rest.strip_prefix(':')?;
    (!name.is_empty()).then(|| (name, said.trim()))
}

#[cfg(test)]
mod tests {
    use super::Comment;

    fn read(comment: &str) -> Comment {
        Comment::read(comment, |name| name != "stranger")
    }

    #[test]
    fn a_comment_of_one_line_is_summary_and_text() {
        let comment = read("Adds two numbers.");
        assert_eq!(comment.summary.as_deref(), Some("Adds two numbers."));
        assert_eq!(comment.text.as_deref(), Some("Adds two numbers."));
        assert_eq!(read(""), Comment::default());
    }

    #[test]
    fn a_sentence_that_goes_on_is_not_cut_and_a_second_one_is_no_summary() {
        let comment = read("Finds a book\nby its title. Really.\nOr not.\n\nMore.");
        assert_eq!(
            comment.summary.as_deref(),
            Some("Finds a book by its title. Really.")
        );
        assert_eq!(
            read("Finds a book\n\nMore.").summary.as_deref(),
            Some("Finds a book")
        );
    }

    #[test]
    fn arguments_are_taken_out_with_their_types_and_further_lines() {
        let comment = read(
            "Says hello.\n\nArgs:\n    name (str, optional): whom to\n        greet: by name\n    times: how often\n    \
             count:\n        in words\n\nReturns:\n    a text",
        );
        assert_eq!(comment.argument("name"), Some("whom to greet: by name"));
        assert_eq!(comment.argument("times"), Some("how often"));
        assert_eq!(comment.argument("count"), Some("in words"));
        assert_eq!(comment.argument("other"), None);
        assert_eq!(
            comment.text.as_deref(),
            Some("Says hello.\n\nReturns:\n    a text")
        );
    }

    #[test]
    fn what_is_said_of_nobody_known_stays_in_the_text() {
        let comment = read("Says hello.\n\nArgs:\n    name: whom\n    stranger: who is that?\n");
        let text = "Says hello.\n\nArgs:\n\n* `stranger`: who is that?";
        assert_eq!(comment.text.as_deref(), Some(text));
    }

    #[test]
    fn a_docstring_is_read_with_the_indentation_of_its_code() {
        let comment = read("Says hello.\n\n        Args:\n            name: whom\n        ");
        assert_eq!(comment.argument("name"), Some("whom"));
        assert_eq!(comment.text.as_deref(), Some("Says hello."));
    }

    #[test]
    fn odd_sections_are_no_reason_to_panic() {
        for comment in [
            "Args:",
            "Args:\n",
            "Args:\n  ",
            "Args:\n    : x",
            "Args:\n    ä(",
            "A\nArgs:\n  é: ü\n    ß",
        ] {
            read(comment);
        }
    }
}
