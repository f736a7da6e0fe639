//! References (`[[…]]`) to values of earlier responses and to constants.
//!
//! `[[USER.1.name]]` is the value at `name` in the response of `user.1`. The action's name is usually written in capitals,
//! and the index 0 may be left out. A name that no response has is looked up in the constants, unless it has an index or is
//! in capitals. A value that is only one reference keeps its type. Inside of a longer text, the reference is replaced by
//! text, and the whole is text, whatever type the line names.

use soa_runtime::codec::{Map, Value};

use super::path::{Path, Segment};
use super::python;

/// A text with references in it.
#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Reference(String),
}

/// The values that references are looked up in.
pub(super) struct Sources<'a> {
    /// The bodies of the responses so far, in order.
    pub(super) responses: &'a [Answered],
    pub(super) constants: &'a Map,
}

/// The response of an action that ran.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) action: String,
    pub(super) index: u32,
    pub(super) body: Value,
}

impl Template {
    /// Parses a text. Returns `None` if it has no references. An incomplete reference is plain text.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if rest.starts_with("[[]]") {
                return Err("`[[]]` is empty; write a path between the brackets".to_owned());
            }
            if let Some((name, behind)) = reference(rest) {
                Path::parse(name)?;
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Reference(name.to_owned()));
                rest = behind;
            } else {
                plain.push(character);
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
            }
        }
        if parts.is_empty() {
            return Ok(None);
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Some(Self(parts)))
    }

    /// Returns true if there is text around the references, so that the value is text.
    pub(super) fn is_text(&self) -> bool {
        !matches!(self.0.as_slice(), [Part::Reference(_)])
    }

    /// Returns the value of the text, with all references resolved.
    pub(super) fn resolve(&self, sources: &Sources<'_>) -> Result<Value, String> {
        if let [Part::Reference(name)] = self.0.as_slice() {
            return sources.find(name).cloned();
        }
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Reference(name) => text.push_str(&python::str(sources.find(name)?)),
            }
        }
        Ok(Value::Text(text))
    }
}

/// Returns the reference at the beginning of a text, and the rest of the text.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix("[[")?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.{}-".contains(&byte);
    let end = inside.bytes().position(|byte| !is_part(byte))?;
    let (name, behind) = inside.split_at(end);
    let behind = behind.strip_prefix("]]")?;
    (!name.is_empty()).then_some((name, behind))
}

impl Sources<'_> {
    fn find(&self, name: &str) -> Result<&Value, String> {
        let path = Path::parse(name)?;
        let in_responses = self.in_responses(&path);
        if let Some(Some(found)) = in_responses {
            return Ok(found);
        }
        let missing = || format!("`[[{name}]]` is not in the response of that action");
        if in_responses.is_some() && is_of_action(&path) {
            return Err(missing());
        }
        let lowered = || Path::parse(&name.to_lowercase()).ok();
        let found = find(self.constants, &path).or_else(|| find(self.constants, &lowered()?));
        found.ok_or_else(|| {
            if in_responses.is_some() {
                return missing();
            }
            let actions = self.responses.iter();
            let actions = actions.map(|response| format!("{}.{}", response.action, response.index));
            let constants = self.constants.iter().filter_map(|(key, _)| key.as_str());
            let known: Vec<String> = actions.chain(constants.map(str::to_owned)).collect();
            match known.is_empty() {
                true => {
                    format!("`[[{name}]]` is unknown: there are no responses yet, and no constants")
                }
                false => format!("`[[{name}]]` is unknown; known names: {}", known.join(", ")),
            }
        })
    }

    /// Returns the value of a path in a response. The outer `None` means that no response has this name, the inner one that
    /// the response has no such value.
    fn in_responses(&self, path: &Path) -> Option<Option<&Value>> {
        let (Segment::Key(first), rest) = path.0.split_first()? else {
            return None;
        };
        // `{user.1}` is action and index in one segment.
        let (action, index, rest) = match (first.split_once('.'), rest.split_first()) {
            (Some((action, index)), _) => (action, index.parse().ok()?, rest),
            (None, Some((Segment::Index(index), behind))) => {
                (first.as_str(), u32::try_from(*index).ok()?, behind)
            }
            (None, _) => (first.as_str(), 0, rest),
        };
        let mut responses = self.responses.iter().rev();
        let response = responses.find(|response| {
            response.index == index && response.action.eq_ignore_ascii_case(action)
        })?;
        Some(Path(rest.to_vec()).find(&response.body))
    }
}

/// Returns true if a path can only refer to a response: it has the index of an action, or a name in capitals.
fn is_of_action(path: &Path) -> bool {
    match path.0.as_slice() {
        [_, Segment::Index(_), ..] => true,
        [Segment::Key(first), ..] => {
            first.contains('.') || !first.contains(|letter: char| letter.is_ascii_lowercase())
        }
        _ => false,
    }
}

fn find<'a>(constants: &'a Map, path: &Path) -> Option<&'a Value> {
    let (Segment::Key(first), rest) = path.0.split_first()? else {
        return None;
    };
    Path(rest.to_vec()).find(constants.get(first)?)
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    fn resolved(text: &str) -> Result<Value, String> {
        let answered = |action: &str, index, body| Answered {
            action: action.to_owned(),
            index,
            body,
        };
        let responses = [
            answered("user", 0, value!({"name": "ada", "id": 7, "Tags": ["x"]})),
            answered("user", 1, value!({"name": "bob"})),
            answered("v2_get", 1, value!({"ok": true})),
        ];
        let constants = value!({
            "people": [{"name": "eve"}], "base": {"url": "http://x"}, "user": {"email": "ada@x"},
        });
        let sources = Sources {
            responses: &responses,
            constants: constants.as_map().unwrap(),
        };
        let template = Template::parse(text)?;
        template.map_or(Ok(Value::from(text)), |template| template.resolve(&sources))
    }

    #[test]
    fn references_are_looked_up_in_responses_and_constants() {
        for (text, value) in [
            ("[[USER.name]]", value!("ada")),
            ("[[USER.0.id]]", value!(7)),
            ("[[user.1.name]]", value!("bob")),
            ("[[{user.1}.name]]", value!("bob")),
            ("[[USER.Tags.0]]", value!("x")),
            ("[[V2_GET.1.ok]]", value!(true)),
            ("[[people.0.name]]", value!("eve")),
            ("[[user.email]]", value!("ada@x")),
            ("Tags [[USER.Tags]]", value!("Tags ['x']")),
            (
                "[[BASE.url]]/[[USER.id]]/[[V2_GET.1.ok]]",
                value!("http://x/7/True"),
            ),
            ("[not [[a reference]]", value!("[not [[a reference]]")),
            ("[[[USER.id]]]", value!("[7]")),
            ("1[[USER.id]]", value!("17")),
            ("[[USER.id", value!("[[USER.id")),
            ("[[ USER.id ]]", value!("[[ USER.id ]]")),
        ] {
            assert_eq!(resolved(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn a_reference_to_nothing_is_told_with_what_there_is() {
        let problem = resolved("[[other]]").unwrap_err();
        assert_eq!(
            problem,
            "`[[other]]` is unknown; known names: user.0, user.1, v2_get.1, people, base, user"
        );
        for name in [
            "USER.age",
            "user.age",
            "USER.email",
            "user.0.email",
            "{user.0}.email",
        ] {
            let problem = format!("`[[{name}]]` is not in the response of that action");
            assert_eq!(resolved(&format!("[[{name}]]")), Err(problem));
        }
        for text in [
            "[[{]]",
            "[[]]",
            "a [[]] b",
            "[[[]]",
            "[[USER.id]][[]]",
            "[[a..b]]",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
