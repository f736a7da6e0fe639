//! Settings files: TOML, YAML or JSON, by extension, parsed into trees whose values know their lines.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jsonc_parser::ast;
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::tree::{Data, Node, Origin};

/// Reads and parses a file.
pub(super) fn read(path: &Path) -> Result<Node, Problem> {
    let source = Source::new(path.display().to_string());
    let parse = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => parse_toml,
        Some("yaml" | "yml") => parse_yaml,
        Some("json") => parse_json,
        _ => {
            let rule = "unknown file extension; expected `.toml`, `.yaml`, `.yml` or `.json`";
            return Err(Problem::about(&*source.name, rule));
        }
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::about(&*source.name, format!("the file cannot be read: {error}"))
    })?;
    parse(&source, &text)
}

/// Parses TOML that is part of the program.
pub(super) fn read_toml(name: &str, text: &str) -> Result<Node, Problem> {
    parse_toml(&Source::new(name.to_owned()), text)
}

/// A file that is parsed, named in messages.
struct Source {
    name: Arc<str>,
}

impl Source {
    fn new(name: String) -> Self {
        Self { name: name.into() }
    }

    fn node(&self, line: usize, data: Data) -> Node {
        let origin = self.line(line);
        Node { origin, data }
    }

    fn line(&self, line: usize) -> Origin {
        Origin::File(Arc::clone(&self.name), line)
    }

    fn mistake(&self, line: usize, message: &str) -> Problem {
        // The messages of some parsers have several lines.
        let message = message.trim().replace('\n', ", ");
        Problem::about(self.line(line).to_string(), message)
    }
}

/// Line numbers of byte offsets in a text.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(offset, _)| offset).collect())
    }

    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}

fn parse_toml(source: &Source, text: &str) -> Result<Node, Problem> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let line = lines.at(error.span().map_or(0, |span| span.start));
        source.mistake(line, error.message())
    })?;
    let offset = table.span().start;
    let data = toml_table(source, &lines, table.into_inner())?;
    Ok(source.node(lines.at(offset), data))
}

fn toml_table(source: &Source, lines: &Lines, table: DeTable<'_>) -> Result<Data, Problem> {
    let mut entries = BTreeMap::new();
    for (key, value) in table {
        // The place of a table is that of its key.
        let line = lines.at(key.span().start);
        let value = toml_value(source, lines, line, value)?;
        entries.insert(key.into_inner().into_owned(), value);
    }
    Ok(Data::Table(entries))
}

fn toml_value(
    source: &Source,
    lines: &Lines,
    line: usize,
    value: Spanned<DeValue<'_>>,
) -> Result<Node, Problem> {
    let data = match value.into_inner() {
        DeValue::String(text) => scalar(text.into_owned()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            let number =
                parsed.map_err(|_| source.mistake(line, "the number does not fit into 64 bits"))?;
            scalar(number)
        }
        DeValue::Float(number) => float(source, line, number.as_str())?,
        DeValue::Boolean(boolean) => scalar(boolean),
        DeValue::Datetime(time) => scalar(time.to_string()),
        DeValue::Array(items) => {
            let item = |item: Spanned<DeValue<'_>>| {
                let line = lines.at(item.span().start);
                toml_value(source, lines, line, item)
            };
            Data::List(items.into_iter().map(item).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => toml_table(source, lines, table)?,
    };
    Ok(source.node(line, data))
}

fn parse_yaml(source: &Source, text: &str) -> Result<Node, Problem> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| source.mistake(error.marker().line(), error.info()))?;
    let mut documents = documents.into_iter();
    let root = match documents.next() {
        Some(document) => yaml_value(source, document)?,
        None => Node::table(source.line(1)),
    };
    if let Some(second) = documents.next() {
        let line = second.span.start.line();
        return Err(source.mistake(line, "expected a single YAML document, found several"));
    }
    match root.data {
        // A file that contains only comments.
        Data::Scalar(Json::Null) => Ok(Node::table(root.origin)),
        Data::Table(_) => Ok(root),
        _ => Err(Problem::about(
            root.origin.to_string(),
            "expected a mapping at the top level",
        )),
    }
}

fn yaml_value(source: &Source, yaml: MarkedYaml<'_>) -> Result<Node, Problem> {
    let line = yaml.span.start.line();
    let data = match yaml.data {
        YamlData::Value(Scalar::Null) => Data::Scalar(Json::Null),
        YamlData::Value(Scalar::Boolean(boolean)) => scalar(boolean),
        YamlData::Value(Scalar::Integer(number)) => scalar(number),
        YamlData::Value(Scalar::FloatingPoint(number)) => float(source, line, &number.to_string())?,
        YamlData::Value(Scalar::String(text)) => scalar(text.into_owned()),
        YamlData::Sequence(items) => {
            let items = items.into_iter().map(|item| yaml_value(source, item));
            Data::List(items.collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(pairs) => {
            let mut entries = BTreeMap::new();
            for (key, value) in pairs {
                let line = key.span.start.line();
                let Data::Scalar(Json::String(key)) = yaml_value(source, key)?.data else {
                    return Err(
                        source.mistake(line, "keys must be text; put quotes around this one")
                    );
                };
                let mut value = yaml_value(source, value)?;
                value.origin = source.line(line);
                entries.insert(key, value);
            }
            Data::Table(entries)
        }
        YamlData::Tagged(..) | YamlData::Representation(..) | YamlData::BadValue => {
            return Err(source.mistake(
                line,
                "YAML tags are not supported; write the value without one",
            ));
        }
        YamlData::Alias(_) => {
            return Err(source.mistake(
                line,
                "YAML aliases are not supported; write the value itself",
            ));
        }
    };
    Ok(source.node(line, data))
}

/// Options for standard JSON, without common extensions.
const STANDARD_JSON: jsonc_parser::ParseOptions = jsonc_parser::ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn parse_json(source: &Source, text: &str) -> Result<Node, Problem> {
    let lines = Lines::of(text);
    let collected = jsonc_parser::CollectOptions::default();
    let parsed = jsonc_parser::parse_to_ast(text, &collected, &STANDARD_JSON)
        .map_err(|error| source.mistake(error.line_display(), &error.kind().to_string()))?;
    match parsed.value {
        Some(value @ ast::Value::Object(_)) => json_value(source, &lines, 1, value),
        _ => Err(source.mistake(1, "expected an object at the top level")),
    }
}

fn json_value(
    source: &Source,
    lines: &Lines,
    line: usize,
    value: ast::Value<'_>,
) -> Result<Node, Problem> {
    let data = match value {
        ast::Value::NullKeyword(_) => Data::Scalar(Json::Null),
        ast::Value::BooleanLit(boolean) => scalar(boolean.value),
        ast::Value::StringLit(text) => scalar(text.value.into_owned()),
        ast::Value::NumberLit(number) => match number.value.parse::<i64>() {
            Ok(number) => scalar(number),
            Err(_) => float(source, line, number.value)?,
        },
        ast::Value::Array(list) => {
            let items = list.elements.into_iter().map(|item| {
                let line = lines.at(jsonc_parser::common::Ranged::start(&item));
                json_value(source, lines, line, item)
            });
            Data::List(items.collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => {
            let mut entries = BTreeMap::new();
            for property in object.properties {
                let line = lines.at(property.range.start);
                let value = json_value(source, lines, line, property.value)?;
                let key = property.name.into_string();
                if entries.contains_key(&key) {
                    return Err(source.mistake(line, &format!("duplicate key `{key}`")));
                }
                entries.insert(key, value);
            }
            Data::Table(entries)
        }
    };
    Ok(source.node(line, data))
}

fn scalar(value: impl Into<Json>) -> Data {
    Data::Scalar(value.into())
}

fn float(source: &Source, line: usize, text: &str) -> Result<Data, Problem> {
    let number = text.parse().ok().and_then(serde_json::Number::from_f64);
    match number {
        Some(number) => Ok(scalar(Json::Number(number))),
        None => Err(source.mistake(line, &format!("expected a finite number, found {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(node: &Node) -> Vec<(String, String)> {
        let mut out = Vec::new();
        walk(node, String::new(), &mut out);
        out
    }

    fn walk(node: &Node, path: String, out: &mut Vec<(String, String)>) {
        match &node.data {
            Data::Table(entries) => {
                for (key, value) in entries {
                    walk(value, format!("{path}/{key}"), out);
                }
            }
            Data::List(items) => {
                for (index, value) in items.iter().enumerate() {
                    walk(value, format!("{path}/{index}"), out);
                }
            }
            Data::Scalar(value) => out.push((format!("{path} = {value}"), node.origin.to_string())),
            Data::Raw(_) => unreachable!("values of files have types"),
        }
    }

    #[test]
    fn the_three_formats_say_the_same_and_know_their_lines() {
        let source = Source::new("f".to_owned());
        let toml = parse_toml(
            &source,
            "a = 1\n[b]\nc = [\n \"x\",\n true,\n]\nd = 1.5\n[e.\"f.g\"]\nh = -0x_1\n"
                .replace("-0x_1", "0xff")
                .as_str(),
        );
        let yaml = parse_yaml(
            &source,
            "a: 1\nb:\n  c:\n  - x\n  - true\n\n  d: 1.5\ne:\n  f.g: {h: 255}\n",
        );
        let json = parse_json(
            &source,
            "{\"a\": 1,\n\"b\": {\"c\": [\n\n\"x\",\ntrue],\n\n\"d\": 1.5},\n\n\"e\": {\"f.g\": {\"h\": 255}}}",
        );
        let expected = [
            ("/a = 1", "f:1"),
            ("/b/c/0 = \"x\"", "f:4"),
            ("/b/c/1 = true", "f:5"),
            ("/b/d = 1.5", "f:7"),
            ("/e/f.g/h = 255", "f:9"),
        ]
        .map(|(value, line)| (value.to_owned(), line.to_owned()));
        assert_eq!(values(&toml.unwrap()), expected);
        assert_eq!(values(&yaml.unwrap()), expected);
        assert_eq!(values(&json.unwrap()), expected);
    }

    #[test]
    fn a_file_without_keys_is_empty() {
        let source = Source::new("f".to_owned());
        for node in [
            parse_toml(&source, ""),
            parse_yaml(&source, "# nothing\n"),
            parse_yaml(&source, ""),
            parse_json(&source, "{}"),
        ] {
            assert!(values(&node.unwrap()).is_empty());
        }
    }
}
