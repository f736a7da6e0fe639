//! Errors as REST has them: `{"detail": …}`, and for a request that is wrong, a list with the place of each error.

use axum::http::StatusCode;
use soa_wire::schema::{Node, NodeKind, Schema};
use soa_wire::text::Plain;
use soa_wire::{Map, Value, WireError, code, value};

use crate::reply::Reply;
use crate::route::{BodyPart, RoutePlan};

/// Returns the answer for a request whose fields are wrong.
pub(super) fn of_fields(plan: &RoutePlan, sent: &Value, errors: &[WireError]) -> Reply {
    let detail: Vec<Value> = errors
        .iter()
        .map(|error| detail(plan, sent, error))
        .collect();
    unprocessable(detail)
}

/// Returns the answer for a body that is not JSON.
pub(super) fn not_json(offset: usize, problem: &str) -> Reply {
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    unprocessable(vec![value!({
        "type": "json_invalid",
        "loc": ["body", offset],
        "msg": "JSON decode error",
        "input": {},
        "ctx": { "error": problem },
    })])
}

/// Returns the answer for a body that has to be a map.
pub(super) fn not_a_map(found: &Value) -> Reply {
    unprocessable(vec![value!({
        "type": "model_attributes_type",
        "loc": ["body"],
        "msg": "Input should be an object",
        "input": (input(found)),
    })])
}

fn unprocessable(detail: Vec<Value>) -> Reply {
    let answer = value!({ "detail": (Value::List(detail)) });
    Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &answer)
}

fn detail(plan: &RoutePlan, sent: &Value, error: &WireError) -> Value {
    let field = error.field.as_deref().unwrap_or_default();
    let mut steps = field.split('.');
    let name = steps.next().unwrap_or_default();
    let own = plan.field(name);
    let is_whole_body = plan.body == BodyPart::Field(own.map_or("", |own| &own.name).to_owned());
    let place = match () {
        () if plan.in_path.iter().any(|known| known == name) => "path",
        () if own.is_some_and(|own| plan.in_query.contains(&own.name)) => "query",
        () => "body",
    };
    let mut location = vec![Value::from(place)];
    let mut found = sent.get(name);
    if !is_whole_body && !name.is_empty() {
        location.push(name.into());
    }
    for step in steps {
        found = found.and_then(|value| below(value, step));
        location.push(match (step.parse::<i64>(), place) {
            (Ok(index), _) => index.into(),
            _ => step.into(),
        });
    }
    let node = own.and_then(|own| {
        let mut steps = field.split('.');
        steps.next();
        steps.try_fold(&own.node, |node, step| {
            node_below(&plan.offered.request, node, step)
        })
    });
    let kind = match node {
        Some(node) => kind_of(&plan.offered.request, node, error, found),
        None => kind_without(error),
    };
    let mut detail = Map::with_capacity(4);
    detail.push("type", kind);
    detail.push("loc", Value::List(location));
    detail.push("msg", &*error.message);
    detail.push("input", found.map_or(Value::Nil, input));
    Value::Map(detail)
}

fn input(found: &Value) -> Value {
    // Numbers are as they were sent; what JSON does not have is text.
    let plain = Plain::exact(found.clone()).into_value();
    soa_wire::text::Plain::of(&plain).into_value()
}

fn below<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::List(list) => list.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    }
}

fn node_below<'a>(schema: &'a Schema, node: &'a Node, step: &str) -> Option<&'a Node> {
    match &schema.resolve(node)?.kind {
        NodeKind::Nullable(inner) => node_below(schema, inner, step),
        NodeKind::List { contents, .. } => Some(contents),
        NodeKind::Tuple(places) => places.get(step.parse::<usize>().ok()?),
        NodeKind::Entries { values, .. } => Some(values),
        NodeKind::Dictionary { fields, .. } => {
            let field = fields.iter().find(|field| field.is_named(step));
            field.map(|field| &field.node)
        }
        _ => None,
    }
}

/// True if values of the type are text by themselves.
pub(super) fn is_text(schema: &Schema, node: &Node) -> bool {
    matches!(
        schema.resolve(node).map(|node| &node.kind),
        Some(NodeKind::Text { .. })
    )
}

/// Returns the type of an error, in the words of the reference where it has one.
fn kind_of(schema: &Schema, node: &Node, error: &WireError, found: Option<&Value>) -> &'static str {
    if is_enum(schema, node) && error.code != code::MISSING {
        return "enum";
    }
    if error.code != code::INVALID {
        return kind_without(error);
    }
    let is_text = found.is_some_and(|found| found.as_str().is_some());
    let kind = schema.resolve(node).map(|node| &node.kind);
    match kind {
        Some(NodeKind::Nullable(inner)) => kind_of(schema, inner, error, found),
        // It is a number, and breaks a rule.
        Some(NodeKind::Integer { .. }) if is_integer(found) => "value_error",
        Some(NodeKind::Integer { .. }) if is_text => "int_parsing",
        Some(NodeKind::Integer { .. }) => match found {
            Some(Value::Integer(_)) => "value_error",
            Some(Value::Decimal(_) | Value::Float(_)) => "int_from_float",
            _ => "int_type",
        },
        Some(NodeKind::Float(_)) if is_text => "float_parsing",
        Some(NodeKind::Float(_)) => "float_type",
        Some(NodeKind::Boolean) if is_text => "bool_parsing",
        Some(NodeKind::Boolean) => "bool_type",
        Some(NodeKind::Text { .. }) if is_text => "value_error",
        Some(NodeKind::Text { .. }) => "string_type",
        Some(NodeKind::DateTime { .. }) => "datetime_parsing",
        Some(NodeKind::Date) => "date_parsing",
        Some(NodeKind::Time) => "time_parsing",
        Some(NodeKind::Decimal(_)) => "decimal_parsing",
        Some(NodeKind::Constant(_)) => "enum",
        Some(NodeKind::List { .. } | NodeKind::Tuple(_)) => "list_type",
        Some(NodeKind::Dictionary { .. } | NodeKind::Entries { .. }) => "dict_type",
        _ => "value_error",
    }
}

/// True for a type whose values are names.
fn is_enum(schema: &Schema, node: &Node) -> bool {
    match schema.resolve(node).map(|node| &node.kind) {
        Some(NodeKind::Nullable(inner)) => is_enum(schema, inner),
        Some(NodeKind::Constant(_)) => true,
        Some(NodeKind::Any(options)) => options.iter().all(|option| is_enum(schema, option)),
        _ => false,
    }
}

fn is_integer(found: Option<&Value>) -> bool {
    let text = found.and_then(Value::as_str);
    text.is_some_and(|text| text.parse::<i128>().is_ok())
}

fn kind_without(error: &WireError) -> &'static str {
    match &*error.code {
        code::MISSING => "missing",
        code::UNKNOWN => "extra_forbidden",
        _ => "value_error",
    }
}
