//! Settings from variables of the environment, and from `KEY=VALUE` on the command line.
//!
//! `SOA__SERVER__CONCURRENCY=8` sets `server.concurrency`. Two underscores separate keys. Upper case matches any case,
//! and an underscore matches a dash and a dot, too. The name of a service is the one that another source has for it, and
//! otherwise as the variable has it, in lower case. The text is parsed as the type of its key: a number, a boolean, a list
//! (JSON, or items with commas between them), or a table (JSON). If that fails, the value stays text, and the check reports it.

use serde_json::Value as Json;

use super::error::Problem;
use super::path::{self, VARIABLE_PREFIX};
use super::shape::{Shape, ShapeKind};
use super::suggestion::is_same_key;
use super::tree::{Data, Node, Origin};

/// Name and value of a variable.
pub(super) type Variable = (std::ffi::OsString, std::ffi::OsString);

/// Reads the variables with the prefix into a tree. The tree of the other sources is searched for the keys of maps.
pub(super) fn read(
    variables: impl IntoIterator<Item = Variable>,
    root: Shape<'_>,
    others: &Node,
    problems: &mut Vec<Problem>,
) -> Node {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| {
            let name = name.to_string_lossy().into_owned();
            name.starts_with(VARIABLE_PREFIX).then_some((name, value))
        })
        .collect();
    ours.sort();
    let mut tree = Node::table(Origin::Nowhere);
    for (name, value) in ours {
        let keys: Vec<_> = name.split("__").skip(1).collect();
        if keys.iter().any(|key| key.is_empty()) {
            let rule = "bad name of a variable; expected keys with `__` between them, such as `SOA__SERVER__CONCURRENCY`";
            problems.push(Problem::about(name, rule));
            continue;
        }
        let Ok(text) = value.into_string() else {
            problems.push(Problem::about(name, "the value is not valid UTF-8"));
            continue;
        };
        let (keys, shape) = resolve(&keys, root, others);
        let origin = Origin::Variable(name.into());
        // Without a shape, variables that exclude each other are both kept, and the check reports them.
        tree.insert(&keys, value_of(&text, shape, origin), None);
    }
    tree
}

/// Finds the keys for the parts of a variable's name, and the shape of the value.
fn resolve<'a>(parts: &[&str], root: Shape<'a>, others: &Node) -> (Vec<String>, Option<Shape<'a>>) {
    let (mut shape, mut node) = (Some(root), Some(others));
    let mut keys = Vec::new();
    for part in parts {
        let fields = shape.map(|shape| shape.fields()).unwrap_or_default();
        let of_schema = fields.into_iter().find(|(name, _)| is_same_key(name, part));
        let of_schema = of_schema.map(|(name, _)| name.to_owned());
        let key = of_schema
            .or_else(|| key_of_source(node, part))
            .or_else(|| match keys.as_slice() {
                [section] if section == "client_routing" => expanded_service(others, part),
                _ => None,
            })
            .unwrap_or_else(|| part.to_lowercase());
        shape = shape.and_then(|shape| shape.get(&key));
        node = node.and_then(|node| node.get(&key));
        keys.push(key);
    }
    (keys, shape)
}

fn key_of_source(node: Option<&Node>, part: &str) -> Option<String> {
    match &node?.data {
        Data::Table(entries) => entries.keys().find(|key| is_same_key(key, part)).cloned(),
        _ => None,
    }
}

/// Finds the name of a service among those that expansions call.
fn expanded_service(others: &Node, part: &str) -> Option<String> {
    let routes = others.get("expansions")?.get("type_routes")?;
    let Data::Table(routes) = &routes.data else {
        return None;
    };
    let mut names = routes
        .values()
        .filter_map(|route| route.get("service")?.text());
    names
        .find(|name| is_same_key(name, part))
        .map(str::to_owned)
}

/// Returns true if a value has parts, and all of them come from variables.
pub(super) fn is_only_of_variables(node: &Node) -> bool {
    match &node.data {
        Data::Table(entries) if !entries.is_empty() => entries.values().all(is_only_of_variables),
        _ => matches!(node.origin, Origin::Variable(_)),
    }
}

/// Parses the `KEY=VALUE` of a flag.
pub(super) fn read_flag(
    flag: &str,
    assignment: &str,
    root: Shape<'_>,
) -> Result<(Vec<String>, Node), Problem> {
    let (key, text) = assignment.split_once('=').unwrap_or((assignment, ""));
    let keys = path::parse(key.trim()).filter(|_| assignment.contains('='));
    let Some(keys) = keys else {
        // The message does not repeat the text, which may be a secret.
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

/// Parses text as the expected type; `None` if that fails.
fn typed(text: &str, shape: Shape<'_>, origin: &Origin) -> Option<Data> {
    let json = || {
        serde_json::from_str(text)
            .ok()
            .map(|value| Data::from_json(value, origin))
    };
    match shape.kind() {
        ShapeKind::Text | ShapeKind::Period | ShapeKind::Choice(_) => {
            Some(Data::Scalar(text.into()))
        }
        ShapeKind::Integer | ShapeKind::Number | ShapeKind::Boolean => {
            json().filter(|data| matches!(data, Data::Scalar(_)))
        }
        ShapeKind::List(item) => {
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
        ShapeKind::Table(_) | ShapeKind::Variants(_) | ShapeKind::Tagged(_) => {
            json().filter(|data| matches!(data, Data::Table(_) | Data::Scalar(Json::Null)))
        }
        ShapeKind::Alternatives(_) | ShapeKind::Anything => {
            Some(json().unwrap_or_else(|| Data::Scalar(text.into())))
        }
    }
}
