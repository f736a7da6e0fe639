//! The body of a call: read from JSON or YAML, changed by fields, and checked by the schema of the action.
//!
//! Numbers keep their digits on the way, as a decimal of a service may have more of them than a float.

use std::io::Read as _;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};
use soa_runtime::codec::{Map, Value};
use soa_runtime::schema::{FieldError, Schema};
use soa_runtime::text::{self, Plain, Reading};

use crate::failure::{Failure, Reason};

/// Largest size of a body or a file, in bytes.
const MAX_SIZE: u64 = 64 << 20;

/// A field of the command line: where, and what.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) path: String,
    raw: String,
    value: Value,
}

impl Field {
    /// Reads `PATH=VALUE`.
    pub(crate) fn read(flag: &str, assignment: &str) -> Result<Self, Failure> {
        let Some((path, raw)) = assignment.split_once('=') else {
            return Err(Failure::usage(format!(
                "`{flag} {assignment}` has no `=`: write `{flag} PATH=VALUE`, as in `{flag} address.city=Paris`"
            )));
        };
        if path.split('.').any(str::is_empty) {
            return Err(Failure::usage(format!(
                "`{flag} {assignment}`: the path `{path}` has an empty part; write it as `a.b` or `tags.0`"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            raw: raw.to_owned(),
            value: match Plain::from_json(raw) {
                Ok(plain) => plain.into_exact(),
                Err(_) => raw.into(),
            },
        })
    }

    /// The value, as JSON says.
    pub(crate) fn into_value(self) -> Value {
        Plain::exact(self.value).into_value()
    }

    /// The value as text, if it was read as something else.
    fn as_text(&self) -> Option<Value> {
        let is_text = matches!(self.value, Value::Text(_));
        (!is_text).then(|| self.raw.as_str().into())
    }
}

/// Reads a text from an argument, from a file (`@FILE`) or from the standard input (`-`).
pub(crate) fn source(argument: &str) -> Result<String, Failure> {
    let failed = |place: &str, error: &std::io::Error| {
        Failure::usage(format!("{place} cannot be read: {error}"))
            .advise("`@FILE` reads a body from a file, and `-` from the standard input")
    };
    let mut text = String::new();
    if argument == "-" {
        let read = std::io::stdin()
            .lock()
            .take(MAX_SIZE)
            .read_to_string(&mut text);
        read.map_err(|error| failed("the standard input", &error))?;
        return Ok(text);
    }
    let Some(path) = argument.strip_prefix('@') else {
        return Ok(argument.to_owned());
    };
    let read =
        std::fs::File::open(path).and_then(|file| file.take(MAX_SIZE).read_to_string(&mut text));
    read.map_err(|error| failed(&format!("the file `{path}`"), &error))?;
    Ok(text)
}

/// Parses JSON or YAML, of what is named. Numbers with a fraction are decimals with all their digits.
pub(crate) fn parse(what: &str, text: &str) -> Result<Value, Failure> {
    let as_json = match Plain::from_json(text) {
        Ok(plain) => return Ok(plain.into_exact()),
        Err(error) => error.to_string(),
    };
    let begins_as_json = text.trim_start().starts_with(['{', '[', '"']);
    match yaml(text) {
        Ok(value) => Ok(value),
        Err(_) if begins_as_json => Err(Failure::usage(format!("{what} is not JSON: {as_json}"))
            .advise("write it in quotes of the shell, as in '{\"number\": 12}', or as YAML: 'number: 12'")),
        Err(as_yaml) => Err(Failure::usage(format!("{what} is neither JSON nor YAML: {as_yaml}"))
            .advise("mend that line; JSON is YAML, too")),
    }
}

/// Parses a body, which is an object.
pub(crate) fn object(text: &str) -> Result<Value, Failure> {
    if text.trim().is_empty() {
        return Ok(Value::Map(Map::new()));
    }
    match parse("the body", text)? {
        body @ Value::Map(_) => Ok(body),
        other => Err(Failure::usage(format!(
            "the body must be an object, and this is of type {}: write '{{\"field\": …}}', or `field: …` as YAML",
            other.kind_name()
        ))),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| format!("line {}: {}", error.marker().line(), error.info()))?;
    let characters: Vec<char> = text.chars().collect();
    let mut documents = documents.into_iter();
    let value = match documents.next() {
        Some(document) => yaml_value(&characters, document)?,
        None => Value::Nil,
    };
    match documents.next() {
        None => Ok(value),
        Some(second) => Err(format!(
            "line {}: expected a single document, found several",
            second.span.start.line()
        )),
    }
}

fn yaml_value(characters: &[char], yaml: MarkedYaml<'_>) -> Result<Value, String> {
    let line = yaml.span.start.line();
    let written = || {
        let span = yaml.span.start.index()..yaml.span.end.index();
        let written: String = characters.get(span)?.iter().collect();
        // As it is written, with all digits; numbers that JSON does not have are those of the parser.
        Some(Plain::from_json(written.trim()).ok()?.into_exact())
    };
    Ok(match yaml.data {
        YamlData::Value(Scalar::Null) => Value::Nil,
        YamlData::Value(Scalar::Boolean(boolean)) => boolean.into(),
        YamlData::Value(Scalar::Integer(number)) => written().unwrap_or_else(|| number.into()),
        YamlData::Value(Scalar::FloatingPoint(number)) => {
            written().unwrap_or_else(|| number.into_inner().into())
        }
        YamlData::Value(Scalar::String(text)) => text.into_owned().into(),
        YamlData::Sequence(items) => {
            let items = items.into_iter().map(|item| yaml_value(characters, item));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(pairs) => {
            let mut map = Map::new();
            for (key, value) in pairs {
                let line = key.span.start.line();
                let key = match yaml_value(characters, key)? {
                    Value::Text(key) => key.to_string(),
                    Value::Integer(key) => key.to_string(),
                    _ => return Err(format!("line {line}: keys must be text")),
                };
                map.insert(key, yaml_value(characters, value)?);
            }
            Value::Map(map)
        }
        YamlData::Tagged(..) | YamlData::Representation(..) | YamlData::BadValue => {
            return Err(format!(
                "line {line}: tags are not supported; write the value without one"
            ));
        }
        YamlData::Alias(_) => {
            return Err(format!(
                "line {line}: aliases are not supported; write the value itself"
            ));
        }
    })
}

/// Sets the value at a path. Objects and lists on the way are made.
pub(crate) fn set(body: &mut Value, path: &str, value: Value) -> Result<(), Failure> {
    let mut place = body;
    let mut gone = String::new();
    for part in path.split('.') {
        let index = part.parse::<usize>().ok();
        if *place == Value::Nil {
            *place = match index {
                Some(_) => Value::List(Vec::new()),
                None => Value::Map(Map::new()),
            };
        }
        place = match place {
            Value::Map(map) => {
                if !map.contains_key(part) {
                    map.insert(part, Value::Nil);
                }
                map.get_mut(part)
            }
            Value::List(list) => {
                let Some(index) = index.filter(|index| *index <= list.len()) else {
                    return Err(Failure::usage(format!(
                        "`{path}`: `{gone}` is a list of {} items, and `{part}` is none of them and not the next one",
                        list.len()
                    )));
                };
                if index == list.len() {
                    list.push(Value::Nil);
                }
                list.get_mut(index)
            }
            _ => None,
        }
        .ok_or_else(|| {
            Failure::usage(format!("`{path}`: `{gone}` is neither an object nor a list"))
        })?;
        if !gone.is_empty() {
            gone.push('.');
        }
        gone += part;
    }
    *place = value;
    Ok(())
}

/// Sets all fields.
pub(crate) fn with_fields(mut body: Value, fields: &[Field]) -> Result<Value, Failure> {
    for field in fields {
        set(&mut body, &field.path, field.value.clone())?;
    }
    Ok(body)
}

/// Reads a body by the schema of an action, and returns all mistakes in it.
pub(crate) fn read(schema: &Schema, body: Value) -> (Value, Vec<FieldError>) {
    let (value, mut mistakes) = Plain::exact(body).read_as(schema, Reading::PEOPLE);
    for mistake in schema.check(&value) {
        // A text that is not of its type's form has been told in better words.
        if !mistakes.iter().any(|known| known.field == mistake.field) {
            mistakes.push(mistake);
        }
    }
    (value, mistakes)
}

/// Reads a body with these fields by the schema of an action. A field whose value is taken for a number, where the schema has
/// text, is text.
///
/// # Errors
/// All mistakes at once.
pub(crate) fn checked(
    schema: &Schema,
    body: &Value,
    fields: &[Field],
    target: &str,
) -> Result<Value, Failure> {
    let mut fields = fields.to_vec();
    let attempt = |fields: &[Field]| {
        let body = with_fields(body.clone(), fields)?;
        Ok::<_, Failure>(read(schema, body))
    };
    let (mut value, mut mistakes) = attempt(&fields)?;
    for index in 0..fields.len() {
        if mistakes.is_empty() {
            break;
        }
        let text = fields.get(index).and_then(Field::as_text);
        let mut changed = fields.clone();
        let (Some(text), Some(field)) = (text, changed.get_mut(index)) else {
            continue;
        };
        field.value = text;
        let (other, others) = attempt(&changed)?;
        if others.len() < mistakes.len() {
            (value, mistakes, fields) = (other, others, changed);
        }
    }
    if mistakes.is_empty() {
        return Ok(value);
    }
    let lines = mistakes.iter().map(|mistake| match &mistake.field {
        Some(field) => format!("  {field}: {}", mistake.message),
        None => format!("  {}", mistake.message),
    });
    let lines: Vec<_> = lines.collect();
    let count = match lines.len() {
        1 => "one mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    Err(Failure::new(
        Reason::Usage,
        format!(
            "the body does not fit `{target}`, and nothing was sent; {count}:\n{}",
            lines.join("\n")
        ),
    )
    .advise(format!(
        "`soa describe {target}` shows the fields; `--raw` sends the body as it is"
    )))
}

/// An expectation of a response.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Field(Field),
    /// An object, each of whose fields the response has to have.
    Part(serde_json::Value),
}

impl Expected {
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        if text.trim_start().starts_with('{') {
            let parsed = serde_json::from_str(text);
            return parsed.map(Self::Part).map_err(|error| {
                Failure::usage(format!("`--expect` is not JSON: {error}"))
                    .advise("write PATH=VALUE, as in `--expect total=3`, or an object")
            });
        }
        Ok(Self::Field(Field::read("--expect", text)?))
    }

    /// The differences of a response from this.
    pub(crate) fn differences(&self, response: &Value) -> Vec<String> {
        let response = json(response);
        let mut found = Vec::new();
        match self {
            Self::Field(field) => {
                let mut place = Some(&response);
                for part in field.path.split('.') {
                    place = place.and_then(|value| match value {
                        serde_json::Value::Array(list) => list.get(part.parse::<usize>().ok()?),
                        value => value.get(part),
                    });
                }
                match place {
                    None => found.push(format!("`{}` is missing", field.path)),
                    Some(place) => {
                        let is_equal = *place == json(&field.value)
                            || place.as_str() == Some(field.raw.as_str());
                        if !is_equal {
                            found.push(format!(
                                "`{}` is {place}, expected {}",
                                field.path, field.raw
                            ));
                        }
                    }
                }
            }
            Self::Part(part) => compare("", part, &response, &mut found),
        }
        found
    }
}

/// Finds where a value does not have what is expected of it.
fn compare(
    path: &str,
    expected: &serde_json::Value,
    found: &serde_json::Value,
    differences: &mut Vec<String>,
) {
    use serde_json::Value as Json;
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => {
            for (key, expected) in expected {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                match found.get(key) {
                    Some(found) => compare(&path, expected, found, differences),
                    None => differences.push(format!("`{path}` is missing")),
                }
            }
        }
        (Json::Array(expected), Json::Array(found)) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(&format!("{path}.{index}"), expected, found, differences);
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => differences.push(format!("`{path}` is {found}, expected {expected}")),
    }
}

/// A value in the text form, as JSON.
pub(crate) fn json(value: &Value) -> serde_json::Value {
    serde_json::from_str(&text::write(value)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use soa_runtime::introspection::Introspection;
    use soa_runtime::message::SwitchSet;
    use soa_runtime::value;

    use super::*;

    fn schema() -> Schema {
        let price = value!({ "type": "decimal" });
        let name = value!({ "type": "unicode" });
        let count = value!({ "type": "integer", "gte": 1 });
        let order = value!({
            "type": "dictionary",
            "contents": { "price": price, "name": name, "count": count },
            "optional_keys": ["price"],
            "allow_extra_keys": false,
        });
        let shop = value!({ "actions": { "order": { "request_schema": order } } });
        let shop = Introspection::from_value(shop).unwrap();
        shop.request_schema("order", &SwitchSet::new()).unwrap()
    }

    fn fields(assignments: &[&str]) -> Vec<Field> {
        let read = assignments.iter().map(|text| Field::read("--field", text));
        read.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn yaml_and_json_are_the_same_body_with_all_digits() {
        let as_json = object(r#"{"a": 1.10, "b": ["x", null], "c": {"d": true}}"#).unwrap();
        let as_yaml = object("a: 1.10\nb:\n  - x\n  - null\nc:\n  d: true\n").unwrap();
        assert_eq!(as_json, as_yaml);
        assert!(matches!(as_json.get("a"), Some(Value::Decimal(_))));
        for (text, told) in [
            ("[1]", "must be an object"),
            ("{\"a\": 1", "not JSON"),
            ("a: [1", "neither JSON nor YAML"),
            ("just text", "must be an object"),
        ] {
            let failure = object(text).unwrap_err();
            assert!(format!("{failure:?}").contains(told), "{failure:?}");
        }
    }

    #[test]
    fn fields_make_what_is_on_their_way() {
        let body = with_fields(
            value!({ "a": 1 }),
            &fields(&["b.c=2", "tags.0=x", "tags.1=y", "a=3"]),
        );
        let expected = value!({ "a": 3, "b": { "c": 2 }, "tags": ["x", "y"] });
        assert_eq!(body.unwrap(), expected);
        for wrong in ["a.b=1", "tags.2=z"] {
            let body = value!({ "a": 1, "tags": [] });
            assert!(with_fields(body, &fields(&[wrong])).is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let body = value!({ "price": "much", "count": 0, "more": 1 });
        let failure = checked(&schema(), &body, &[], "shop.order").unwrap_err();
        let told = format!("{failure:?}");
        for part in [
            "4 mistakes",
            "price: ",
            "count: ",
            "Missing key: name",
            "Extra keys",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }

    #[test]
    fn a_field_that_looks_like_a_number_is_text_where_the_schema_has_text() {
        let fields = fields(&["name=12", "count=3"]);
        let body = checked(&schema(), &value!({}), &fields, "shop.order").unwrap();
        assert_eq!(body, value!({ "name": "12", "count": 3 }));
    }

    #[test]
    fn expectations_name_what_differs() {
        let response = value!({ "total": 3, "name": "7", "a": { "b": [1, 2], "c": 1 } });
        let differences = |text: &str| Expected::read(text).unwrap().differences(&response);
        for met in ["total=3", "name=7", "a.b.1=2", r#"{"a": {"b": [1, 2]}}"#] {
            assert_eq!(differences(met), Vec::<String>::new(), "{met}");
        }
        assert_eq!(differences("total=4"), ["`total` is 3, expected 4"]);
        assert_eq!(differences("b=1"), ["`b` is missing"]);
        assert_eq!(
            differences(r#"{"a": {"b": [1], "d": 0}}"#),
            ["`a.b` is [1,2], expected [1]", "`a.d` is missing"]
        );
    }
}
