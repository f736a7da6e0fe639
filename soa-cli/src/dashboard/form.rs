//! Schemas for forms: what a service tells of a type, as JSON Schema.
//!
//! Services tell their types in the form of Conformity's introspection. JSON Schema is what makers of forms know. The type of
//! the wire stands beside it as `x-soa`, since JSON has one type for several of them. What is not known here becomes anything:
//! a form never refuses what a service accepts.

use serde_json::{Map, Value as Json, json};
use soa_runtime::codec::{Map as Entries, Value};

use crate::body;

/// Depth from which a schema is anything: nothing of a peer may nest without end.
const MAX_DEPTH: usize = 32;

/// Largest number of types in a schema. The rest is anything.
const MAX_TYPES: usize = 5_000;

/// Converts a schema of an action. `None` allows any object.
pub(super) fn schema(told: Option<&Value>) -> Option<Json> {
    let told = told.filter(|told| told.as_map().is_some())?;
    let mut writer = Writer { left: MAX_TYPES };
    Some(writer.node(told, 0))
}

struct Writer {
    /// Number of types that may still be written.
    left: usize,
}

impl Writer {
    fn node(&mut self, told: &Value, depth: usize) -> Json {
        if depth > MAX_DEPTH || self.left == 0 {
            return named("any", Map::new());
        }
        self.left -= 1;
        let mut node = self.kind(told, depth);
        let inner = told.get("nullable");
        let description = told.get("description");
        let description = description.or_else(|| inner?.get("description"));
        if let Some(description) = description.and_then(Value::as_str) {
            node["description"] = description.into();
        }
        node
    }

    fn nodes(&mut self, told: &Value, key: &str, depth: usize) -> Vec<Json> {
        let parts = told.get(key).and_then(Value::as_list).unwrap_or_default();
        parts
            .iter()
            .map(|part| self.node(part, depth + 1))
            .collect()
    }

    fn kind(&mut self, told: &Value, depth: usize) -> Json {
        match text(told, "type").unwrap_or_default() {
            "nullable" => self.nullable(told, depth),
            "boolean" => typed("boolean", "boolean", Map::new()),
            "integer" => typed("integer", "integer", limits(told)),
            "float" => typed("float", "number", limits(told)),
            "decimal" => typed("decimal", json!(["string", "number"]), limits(told)),
            "currint.Amount" => typed("amount", "string", Map::new()),
            "bytes" => {
                let more = entry("contentEncoding", json!("base64"));
                typed("bytes", "string", more)
            }
            "date" => typed("date", "string", entry("format", json!("date"))),
            "time" => typed("time", "string", entry("format", json!("time"))),
            "datetime" => typed("datetime", "string", entry("format", json!("date-time"))),
            "null" => typed("null", "null", Map::new()),
            "constant" => {
                let values = told.get("values").and_then(Value::as_list);
                let values = values.unwrap_or_default().iter().map(body::json);
                named("constant", entry("enum", values.collect()))
            }
            "list" | "sequence" => self.list("list", told, depth),
            "set" => self.list("set", told, depth),
            "tuple" => {
                let parts = self.nodes(told, "contents", depth);
                let count = parts.len();
                let mut more = entry("prefixItems", parts.into());
                more.insert("minItems".to_owned(), count.into());
                more.insert("maxItems".to_owned(), count.into());
                typed("tuple", "array", more)
            }
            "dictionary" => self.object(told, depth),
            "schemaless_dictionary" => self.map(told, depth),
            "polymorph" => self.choice_by_field(told, depth),
            "any" => {
                let options = self.nodes(told, "options", depth);
                named("choice", entry("anyOf", options.into()))
            }
            // A value has to meet all requirements. One of them says of which kind it is.
            "all" => {
                let parts = self.nodes(told, "requirements", depth);
                let mut known = parts.into_iter().filter(|part| part["x-soa"] != "any");
                known.next().unwrap_or_else(|| named("any", Map::new()))
            }
            "unicode" | "email_address" | "ip_address" | "ipv4_address" | "ipv6_address"
            | "unicode_decimal" => {
                let mut more = lengths(told, "minLength", "maxLength");
                if let Some(pattern) = text(told, "pattern") {
                    more.insert("pattern".to_owned(), pattern.into());
                }
                typed("text", "string", more)
            }
            _ => named("any", Map::new()),
        }
    }

    fn nullable(&mut self, told: &Value, depth: usize) -> Json {
        let Some(inner) = told.get("nullable") else {
            return named("any", Map::new());
        };
        let mut node = self.node(inner, depth + 1);
        match node.get("type").cloned() {
            Some(Json::String(kind)) => node["type"] = json!([kind, "null"]),
            Some(Json::Array(mut kinds)) => {
                kinds.push("null".into());
                node["type"] = kinds.into();
            }
            _ => {
                if let Some(Json::Array(options)) = node.get_mut("anyOf") {
                    options.push(typed("null", "null", Map::new()));
                }
                if let Some(Json::Array(values)) = node.get_mut("enum") {
                    values.push(Json::Null);
                }
            }
        }
        node["x-nullable"] = true.into();
        node
    }

    fn list(&mut self, name: &str, told: &Value, depth: usize) -> Json {
        let mut more = lengths(told, "minItems", "maxItems");
        if let Some(contents) = told.get("contents") {
            more.insert("items".to_owned(), self.node(contents, depth + 1));
        }
        if name == "set" {
            more.insert("uniqueItems".to_owned(), true.into());
        }
        typed(name, "array", more)
    }

    fn object(&mut self, told: &Value, depth: usize) -> Json {
        let optional = told.get("optional_keys").and_then(Value::as_list);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, field) in fields(told, "contents") {
            if !optional.is_some_and(|keys| keys.iter().any(|key| key.as_str() == Some(name))) {
                required.push(Json::from(name));
            }
            properties.insert(name.to_owned(), self.node(field, depth + 1));
        }
        let is_open = told.get("allow_extra_keys").and_then(Value::as_bool) == Some(true);
        let mut more = entry("properties", properties.into());
        more.insert("required".to_owned(), required.into());
        more.insert("additionalProperties".to_owned(), is_open.into());
        typed("object", "object", more)
    }

    fn map(&mut self, told: &Value, depth: usize) -> Json {
        let mut more = lengths(told, "minProperties", "maxProperties");
        let values = told.get("value_type");
        let values = values.map(|values| self.node(values, depth + 1));
        let values = values.unwrap_or_else(|| named("any", Map::new()));
        more.insert("additionalProperties".to_owned(), values);
        if let Some(keys) = told.get("key_type") {
            more.insert("propertyNames".to_owned(), self.node(keys, depth + 1));
        }
        typed("map", "object", more)
    }

    /// Objects of which one field says which of them it is.
    fn choice_by_field(&mut self, told: &Value, depth: usize) -> Json {
        let field = text(told, "switch_field").unwrap_or_default();
        let mut options = Vec::new();
        for (name, option) in fields(told, "contents_map") {
            let mut option = self.node(option, depth + 1);
            option["title"] = name.into();
            options.push(option);
        }
        let mut more = entry("anyOf", options.into());
        more.insert("x-switch-field".to_owned(), field.into());
        named("choice", more)
    }
}

fn text<'a>(told: &'a Value, key: &str) -> Option<&'a str> {
    told.get(key).and_then(Value::as_str)
}

fn fields<'a>(told: &'a Value, key: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let entries = told.get(key).and_then(Value::as_map);
    let entries = entries.into_iter().flat_map(Entries::iter);
    entries.filter_map(|(name, field)| Some((name.as_str()?, field)))
}

fn entry(key: &str, value: Json) -> Map<String, Json> {
    Map::from_iter([(key.to_owned(), value)])
}

fn named(name: &str, mut more: Map<String, Json>) -> Json {
    more.insert("x-soa".to_owned(), name.into());
    Json::Object(more)
}

fn typed(name: &str, kind: impl Into<Json>, mut more: Map<String, Json>) -> Json {
    more.insert("type".to_owned(), kind.into());
    named(name, more)
}

fn limits(told: &Value) -> Map<String, Json> {
    let names = [
        ("gt", "exclusiveMinimum"),
        ("gte", "minimum"),
        ("lt", "exclusiveMaximum"),
        ("lte", "maximum"),
    ];
    numbers(told, &names)
}

fn lengths(told: &Value, least: &'static str, most: &'static str) -> Map<String, Json> {
    numbers(told, &[("min_length", least), ("max_length", most)])
}

fn numbers(told: &Value, names: &[(&str, &str)]) -> Map<String, Json> {
    let numbers = names.iter().filter_map(|(key, name)| {
        let number = body::json(told.get(key)?);
        Some(((*name).to_owned(), number))
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    #[test]
    fn types_of_the_wire_become_json_schema_with_their_names() {
        let price = value!({ "type": "decimal", "gte": 0, "description": "Price of one" });
        let tags = value!({ "type": "list", "contents": (value!({ "type": "unicode" })), "max_length": 3 });
        let day = value!({ "type": "nullable", "nullable": (value!({ "type": "date" })) });
        let order = value!({
            "type": "dictionary",
            "contents": { "price": price, "tags": tags, "day": day },
            "optional_keys": ["day"],
            "allow_extra_keys": false,
        });
        let expected = json!({
            "type": "object", "x-soa": "object", "additionalProperties": false, "required": ["price", "tags"],
            "properties": {
                "price": { "type": ["string", "number"], "x-soa": "decimal", "minimum": 0, "description": "Price of one" },
                "tags": { "type": "array", "x-soa": "list", "maxItems": 3, "items": { "type": "string", "x-soa": "text" } },
                "day": { "type": ["string", "null"], "x-soa": "date", "format": "date", "x-nullable": true },
            },
        });
        assert_eq!(schema(Some(&order)), Some(expected));
        assert_eq!(schema(None), None);
        assert_eq!(schema(Some(&Value::Nil)), None);
    }

    #[test]
    fn a_type_that_is_not_known_or_without_end_is_anything() {
        let unknown = value!({ "type": "of_tomorrow" });
        assert_eq!(schema(Some(&unknown)), Some(json!({ "x-soa": "any" })));
        let mut deep = value!({ "type": "unicode" });
        for _ in 0..100 {
            deep = value!({ "type": "list", "contents": deep });
        }
        let mut node = &schema(Some(&deep)).unwrap();
        let mut depth = 0;
        while let Some(inner) = node.get("items") {
            (node, depth) = (inner, depth + 1);
        }
        assert_eq!((&node["x-soa"], depth), (&json!("any"), MAX_DEPTH + 1));
    }
}
