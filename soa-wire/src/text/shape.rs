//! Values as doors for other protocols send them: plain data in the order of the type.
//!
//! A struct has every declared field, in the order of its declaration; one that is absent is nil. So a caller that builds
//! objects from maps finds every attribute, as it does in an answer of Python.

use super::plain::{key_of, plain_leaf};
use crate::codec::{MAX_DEPTH, Map, Value};
use crate::schema::{ExtraKeys, Field, MAX_STEPS, Node, NodeKind, Schema, option_of};

/// The forms of what JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// True if bytes stay bytes. Otherwise they become base64.
    pub keeps_bytes: bool,
    /// True if NaN and the infinities stay floats. Otherwise they become `"NaN"`, `"Infinity"` and `"-Infinity"`.
    pub keeps_floats: bool,
}

impl Shape {
    /// JSON for people.
    pub const TEXT: Self = Self {
        keeps_bytes: false,
        keeps_floats: false,
    };

    /// Returns a value of the type in this shape.
    pub fn of(self, schema: &Schema, value: Value) -> Value {
        let mut shaper = Shaper {
            schema,
            shape: self,
            steps: 0,
        };
        shaper.node(Some(&schema.root), value, MAX_DEPTH)
    }
}

struct Shaper<'a> {
    schema: &'a Schema,
    shape: Shape,
    /// The steps of choosing among alternatives, which try each.
    steps: usize,
}

impl<'a> Shaper<'a> {
    /// Shapes a value whose node is known, or one about which nothing is.
    fn node(&mut self, node: Option<&'a Node>, value: Value, levels: usize) -> Value {
        let inner = levels.saturating_sub(1);
        let kind = node
            .and_then(|node| self.schema.resolve(node))
            .map(|node| &node.kind);
        match (kind, value) {
            (_, Value::List(_) | Value::Map(_)) if levels == 0 => "…".into(),
            (Some(NodeKind::Nullable(node)), value) => self.node(Some(node), value, levels),
            (Some(NodeKind::Any(options)), value @ (Value::List(_) | Value::Map(_))) => {
                let chosen = self.chosen(options, &value);
                self.node(chosen, value, levels)
            }
            (Some(NodeKind::Tagged { field, options }), Value::Map(map)) => {
                let tag = map.get(field);
                let option = tag.and_then(|tag| option_of(options, field, tag));
                self.node(option.map(|(_, node)| node), Value::Map(map), levels)
            }
            (Some(NodeKind::Dictionary { fields, extra }), Value::Map(map)) => {
                self.dictionary(fields, extra, map, inner)
            }
            (Some(NodeKind::Entries { values, .. }), Value::Map(map)) => {
                self.entries(Some(values), map, inner)
            }
            (_, Value::Map(map)) => self.entries(None, map, inner),
            (Some(NodeKind::List { contents, .. }), Value::List(list)) => {
                let items = list.into_iter();
                items
                    .map(|item| self.node(Some(contents), item, inner))
                    .collect()
            }
            (Some(NodeKind::Tuple(places)), Value::List(list)) => {
                let items = list.into_iter().enumerate();
                items
                    .map(|(index, item)| self.node(places.get(index), item, inner))
                    .collect()
            }
            (_, Value::List(list)) => {
                let items = list.into_iter();
                items.map(|item| self.node(None, item, inner)).collect()
            }
            (_, value) => self.leaf(value),
        }
    }

    fn leaf(&self, value: Value) -> Value {
        match value {
            Value::Bytes(_) if self.shape.keeps_bytes => value,
            Value::Float(_) if self.shape.keeps_floats => value,
            value => plain_leaf(value),
        }
    }

    /// Returns the first alternative that a value fits.
    fn chosen(&mut self, options: &'a [Node], value: &Value) -> Option<&'a Node> {
        let mut options = options.iter();
        options.find(|option| {
            self.steps < MAX_STEPS && self.schema.fits(option, value, &mut self.steps)
        })
    }

    fn dictionary(
        &mut self,
        fields: &'a [Field],
        extra: &'a ExtraKeys,
        map: Map,
        levels: usize,
    ) -> Value {
        let written = fields.iter().map(Field::written_name);
        let sent = map.iter().map(|(key, _)| key.as_str());
        if map.len() == fields.len() && sent.eq(written.map(Some)) {
            // All fields in their order: the map stays.
            let pairs = map.into_pairs().into_iter().zip(fields);
            let shaped = pairs
                .map(|((key, value), field)| (key, self.node(Some(&field.node), value, levels)));
            return Value::Map(shaped.collect());
        }
        let mut sent: Vec<Option<(Value, Value)>> =
            map.into_pairs().into_iter().map(Some).collect();
        let mut shaped = Map::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            let name = field.written_name();
            let is_it = |pair: &Option<(Value, Value)>| {
                let key = pair.as_ref().and_then(|(key, _)| key.as_str());
                key == Some(name)
            };
            // Mostly, the fields come in this order.
            let at = match sent.get(index).is_some_and(is_it) {
                true => Some(index),
                false => sent.iter().position(is_it),
            };
            let value = at.and_then(|at| sent.get_mut(at)?.take());
            let value = match value {
                Some((_, value)) => self.node(Some(&field.node), value, levels),
                None => Value::Nil,
            };
            shaped.push(name, value);
        }
        let of_map = match extra {
            ExtraKeys::Taken { values, .. } => Some(&**values),
            ExtraKeys::Refused | ExtraKeys::Allowed => None,
        };
        for (key, value) in sent.into_iter().flatten() {
            shaped.push(text_key(key), self.node(of_map, value, levels));
        }
        Value::Map(shaped)
    }

    fn entries(&mut self, values: Option<&'a Node>, map: Map, levels: usize) -> Value {
        let pairs = map.into_pairs().into_iter();
        let shaped = pairs.map(|(key, value)| (text_key(key), self.node(values, value, levels)));
        Value::Map(shaped.collect())
    }
}

fn text_key(key: Value) -> Value {
    match key {
        Value::Text(_) => key,
        key => key_of(&key, MAX_DEPTH),
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::Shape;
    use crate::schema::Schema;
    use crate::value;

    /// As `#[soa::body]` writes it for `#[serde(rename(serialize = "out", deserialize = "in"))]`.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    struct Renamed {
        first: i64,
        #[schemars(rename = "in", extend("x-soa-field" = { "source": "both", "serialized": "out" }))]
        both: Inner,
        last: Option<i64>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    struct Inner {
        #[schemars(extend("x-soa-field" = { "serialized": "id" }))]
        number: i64,
        #[schemars(extend("x-soa-field" = { "serialized": "note" }))]
        text: Option<String>,
    }

    #[test]
    fn a_field_is_found_and_written_by_the_name_under_which_its_type_writes_it() {
        let response = value!({"last": 3, "out": {"id": 2}, "first": 1});
        assert_eq!(
            Shape::TEXT.of(&Schema::of::<Renamed>(), response),
            value!({"first": 1, "out": {"id": 2, "note": nil}, "last": 3})
        );
    }
}
