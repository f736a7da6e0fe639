//! Settings that are texts with a key: variables of the environment, and `--set` on the command line.
//!
//! `SOA__SERVER__CONCURRENCY=8` sets `server.concurrency`. Two underscores separate keys, upper case stands for any case
//! and an underscore for a dash. The text is read as what its key takes: a number, a truth, a list (JSON, or items with
//! commas between them), a table (JSON). Where that does not work it stays a text, and the check tells what was expected.

use serde_json::Value as Json;

use super::error::Problem;
use super::path;
use super::shape::{Kind, Shape};
use super::suggest::same;
use super::tree::{Data, Node, Origin};

/// What the names of variables begin with that set something.
pub(super) const PREFIX: &str = "SOA__";

/// A name and a value of the environment.
pub(super) type Variable = (std::ffi::OsString, std::ffi::OsString);

/// The variables that set something, as a tree. What the files say helps to find the keys of maps.
pub(super) fn read(
    variables: impl IntoIterator<Item = Variable>,
    root: Shape<'_>,
    files: &Node,
    problems: &mut Vec<Problem>,
) -> Node {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| {
            let name = name.to_string_lossy().into_owned();
            name.starts_with(PREFIX).then_some((name, value))
        })
        .collect();
    ours.sort();
    let mut tree = Node::table(Origin::Nowhere);
    for (name, value) in ours {
        let keys: Vec<_> = name.split("__").skip(1).collect();
        if keys.iter().any(|key| key.is_empty()) {
            let rule = "expected keys with `__` between them, such as `SOA__SERVER__CONCURRENCY`";
            problems.push(Problem::about(name, rule));
            continue;
        }
        let Ok(text) = value.into_string() else {
            problems.push(Problem::about(name, "expected a text in UTF-8"));
            continue;
        };
        let (keys, shape) = resolve(&keys, root, files);
        let origin = Origin::Variable(name.into());
        // Two that contradict each other are both there, and a mistake.
        tree.insert(&keys, value_of(&text, shape, origin), None);
    }
    tree
}

/// The keys that are meant by the parts of a variable's name, and what is expected there.
fn resolve<'a>(parts: &[&str], root: Shape<'a>, files: &Node) -> (Vec<String>, Option<Shape<'a>>) {
    let (mut shape, mut node) = (Some(root), Some(files));
    let mut keys = Vec::new();
    for part in parts {
        let fields = shape.map(|shape| shape.fields()).unwrap_or_default();
        let of_schema = fields.into_iter().find(|(name, _)| same(name, part));
        let of_schema = of_schema.map(|(name, _)| name.to_owned());
        let key = of_schema
            .or_else(|| key_of_file(node, part))
            .unwrap_or_else(|| part.to_lowercase());
        shape = shape.and_then(|shape| shape.get(&key));
        node = node.and_then(|node| node.get(&key));
        keys.push(key);
    }
    (keys, shape)
}

fn key_of_file(node: Option<&Node>, part: &str) -> Option<String> {
    match &node?.data {
        Data::Table(entries) => entries.keys().find(|key| same(key, part)).cloned(),
        _ => None,
    }
}

/// One `KEY=VALUE` of a flag.
pub(super) fn read_flag(
    flag: &str,
    assignment: &str,
    root: Shape<'_>,
) -> Result<(Vec<String>, Node), Problem> {
    let (key, text) = assignment.split_once('=').unwrap_or((assignment, ""));
    let keys = path::parse(key.trim()).filter(|_| assignment.contains('='));
    let Some(keys) = keys else {
        // It is not repeated: it may be a secret.
        let rule = "expected KEY=VALUE, such as `server.concurrency=8`";
        return Err(Problem::about(flag, rule));
    };
    let mut shape = Some(root);
    for key in &keys {
        shape = shape.and_then(|shape| shape.get(key));
    }
    let origin = Origin::Flag(flag.into());
    Ok((keys, value_of(text, shape, origin)))
}

fn value_of(text: &str, shape: Option<Shape<'_>>, origin: Origin) -> Node {
    let data = shape.and_then(|shape| typed(text, shape, &origin));
    let data = data.unwrap_or_else(|| Data::Raw(text.to_owned()));
    Node { origin, data }
}

/// The text as what is expected; `None` if it cannot be that.
fn typed(text: &str, shape: Shape<'_>, origin: &Origin) -> Option<Data> {
    let json = || {
        serde_json::from_str(text)
            .ok()
            .map(|value| data_of(value, origin))
    };
    match shape.kind() {
        Kind::Text | Kind::Period | Kind::Choice(_) => Some(Data::Scalar(text.into())),
        Kind::Integer | Kind::Number | Kind::Truth => {
            json().filter(|data| matches!(data, Data::Scalar(_)))
        }
        Kind::List(item) => {
            if let Some(list @ (Data::List(_) | Data::Scalar(Json::Null))) = json() {
                return Some(list);
            }
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            let items = items.map(|text| value_of(text, Some(item), origin.clone()));
            Some(Data::List(items.collect()))
        }
        Kind::Table(_) | Kind::Variants(_) | Kind::Tagged(_) => {
            json().filter(|data| matches!(data, Data::Table(_) | Data::Scalar(Json::Null)))
        }
        Kind::Alternatives(_) | Kind::Anything => {
            Some(json().unwrap_or_else(|| Data::Scalar(text.into())))
        }
    }
}

/// Plain data as a tree that comes from one place.
pub(super) fn data_of(value: Json, origin: &Origin) -> Data {
    let node = |value| Node {
        origin: origin.clone(),
        data: data_of(value, origin),
    };
    match value {
        Json::Array(items) => Data::List(items.into_iter().map(node).collect()),
        Json::Object(entries) => {
            let entries = entries.into_iter();
            Data::Table(entries.map(|(key, value)| (key, node(value))).collect())
        }
        scalar => Data::Scalar(scalar),
    }
}
