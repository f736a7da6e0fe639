//! A property of all bodies: what is accepted, and which fields are named, for a type with every attribute of serde that
//! the guide allows, alone and wherever a body can be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde::{Deserialize, Deserializer};
use soa::{ActionError, Client, LocalTransport, Server, Value, service, value};

use super::{errors_of, even};

/// Reads a number, or a text with one.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[soa::body]
struct Leaf {
    #[garde(custom(even))]
    plain: i64,
    #[serde(rename = "re-named")]
    #[garde(custom(even))]
    renamed: i64,
    #[serde(alias = "other")]
    #[garde(range(max = 100))]
    aliased: i64,
    #[serde(default)]
    #[garde(custom(even))]
    defaulted: i64,
    #[garde(inner(custom(even)))]
    optional: Option<i64>,
    #[serde(rename(deserialize = "in", serialize = "out"))]
    #[garde(custom(even))]
    both: i64,
    #[serde(deserialize_with = "number_or_text")]
    #[garde(custom(even))]
    decoded: i64,
    #[serde(flatten)]
    inner: Inner,
}

#[soa::body]
#[serde(rename_all = "camelCase")]
struct Inner {
    #[serde(alias = "in_ner")]
    #[garde(custom(even))]
    of_inner: i64,
    #[serde(flatten)]
    innermost: Innermost,
}

#[soa::body]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct Innermost {
    #[garde(range(max = 100))]
    of_innermost: i64,
}

#[soa::body]
struct Alone(Leaf);

#[soa::body]
struct Listed {
    list: Vec<Leaf>,
}

#[soa::body]
struct Mapped {
    map: BTreeMap<String, Leaf>,
}

#[soa::body]
struct Optional {
    option: Option<Box<Leaf>>,
}

#[soa::body]
struct Flattened {
    #[serde(flatten)]
    leaf: Leaf,
}

#[soa::body]
enum External {
    Leaf(Leaf),
    Other { n: i64 },
}

#[soa::body]
#[serde(tag = "tag")]
enum Internal {
    Leaf(Leaf),
    Other { n: i64 },
}

#[soa::body]
#[serde(tag = "tag", content = "content")]
enum Adjacent {
    Leaf(Leaf),
    Other { n: i64 },
}

#[soa::body]
#[serde(untagged)]
enum Untagged {
    Leaf(Leaf),
}

struct Family;

#[service(name = "echo", version = "1.0.0")]
impl Family {
    #[action]
    async fn alone(&self, _body: Alone) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn list(&self, _body: Listed) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn map(&self, _body: Mapped) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn option(&self, _body: Optional) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn flattened(&self, _body: Flattened) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn external(&self, _body: External) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn internal(&self, _body: Internal) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn adjacent(&self, _body: Adjacent) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn untagged(&self, _body: Untagged) -> Result<(), ActionError> {
        Ok(())
    }
}

/// The one that judges the value of a field.
#[derive(Clone, Copy, PartialEq)]
enum Judge {
    /// A rule that only garde knows.
    Custom,
    /// A limit, which is in the schema.
    Limit,
    /// A rule that only garde knows, for what only a decoder can read.
    Decoder,
}

struct FieldRule {
    names: &'static [&'static str],
    is_required: bool,
    judge: Judge,
}

const FIELDS: [FieldRule; 9] = [
    field(&["plain"], true, Judge::Custom),
    field(&["re-named"], true, Judge::Custom),
    field(&["aliased", "other"], true, Judge::Limit),
    field(&["defaulted"], false, Judge::Custom),
    field(&["optional"], false, Judge::Custom),
    field(&["in"], true, Judge::Custom),
    field(&["decoded"], true, Judge::Decoder),
    field(&["ofInner", "in_ner"], true, Judge::Custom),
    field(&["OF-INNERMOST"], true, Judge::Limit),
];

/// The place of the field that is an `Option`.
const OPTION: usize = 4;

const fn field(names: &'static [&'static str], is_required: bool, judge: Judge) -> FieldRule {
    FieldRule {
        names,
        is_required,
        judge,
    }
}

/// The value that is sent for a field.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sent {
    Nothing,
    Good,
    /// Breaks a rule.
    Broken,
    /// Has a type that the field does not take.
    Wrong,
    Nil,
}

/// Bodies that are mostly good, so that each kind of error is also alone.
fn bodies() -> impl Strategy<Value = Vec<(Sent, bool)>> {
    let sent = prop_oneof![
        12 => Just(Sent::Good),
        2 => Just(Sent::Broken),
        1 => Just(Sent::Nothing),
        1 => Just(Sent::Wrong),
        1 => Just(Sent::Nil),
    ];
    prop::collection::vec((sent, any::<bool>()), FIELDS.len())
}

fn name(field: &FieldRule, by_alias: bool) -> &'static str {
    let index = usize::from(by_alias && field.names.len() > 1);
    field.names[index]
}

fn body_of(sent: &[(Sent, bool)]) -> Value {
    let mut body = soa::Map::new();
    for (field, (sent, by_alias)) in FIELDS.iter().zip(sent) {
        let value = match (sent, field.judge) {
            (Sent::Nothing, _) => continue,
            (Sent::Good, Judge::Decoder) => Value::from("2"),
            (Sent::Good, _) => Value::from(2),
            (Sent::Broken, Judge::Limit) => Value::from(101),
            (Sent::Broken, _) => Value::from(3),
            (Sent::Wrong, _) => Value::from("x"),
            (Sent::Nil, _) => Value::Nil,
        };
        body.insert(name(field, *by_alias), value);
    }
    Value::Map(body)
}

/// The codes and fields of the errors that a caller has to get. Behind a buffer, serde takes a nil for an `Option`.
fn expected(sent: &[(Sent, bool)], prefix: &str, is_buffered: bool) -> BTreeSet<String> {
    let mut shape = BTreeSet::new();
    let mut limits = BTreeSet::new();
    let mut customs = BTreeSet::new();
    let mut is_undecodable = false;
    let mut is_refused = false;
    for (index, (field, (sent, by_alias))) in FIELDS.iter().zip(sent).enumerate() {
        let invalid = format!("INVALID {prefix}{}", name(field, *by_alias));
        match sent {
            Sent::Nothing if field.is_required => {
                is_refused = true;
                shape.insert(format!("MISSING {prefix}{}", field.names[0]));
            }
            Sent::Nothing | Sent::Good => {}
            Sent::Broken if field.judge == Judge::Limit => drop(limits.insert(invalid)),
            Sent::Broken => drop(customs.insert(invalid)),
            Sent::Wrong | Sent::Nil if field.judge == Judge::Decoder => is_undecodable = true,
            Sent::Wrong | Sent::Nil => {
                is_refused |= !(is_buffered && index == OPTION && *sent == Sent::Nil);
                shape.insert(invalid);
            }
        }
    }
    let mut expected: BTreeSet<String> = shape.union(&limits).cloned().collect();
    if !is_refused && !is_undecodable {
        expected.extend(customs);
    }
    if is_undecodable && shape.is_empty() {
        expected.insert("INVALID -".to_owned());
    }
    expected
}

fn tagged(mut leaf: Value) -> Value {
    if let Some(map) = leaf.as_map_mut() {
        map.insert("tag", "Leaf");
    }
    leaf
}

/// The actions, with the bodies that they take, the paths to a leaf in them, and true if serde reads the leaf from a buffer.
fn places(leaf: &Value) -> Vec<(&'static str, Value, &'static str, bool)> {
    let leaf = || leaf.clone();
    let good = body_of(&[(Sent::Good, false); FIELDS.len()]);
    vec![
        ("alone", leaf(), "", false),
        (
            "list",
            value!({"list": [(good), (leaf())]}),
            "list.1.",
            false,
        ),
        ("map", value!({"map": {"k": (leaf())}}), "map.k.", false),
        ("option", value!({"option": (leaf())}), "option.", false),
        ("flattened", leaf(), "", true),
        ("external", value!({"Leaf": (leaf())}), "Leaf.", false),
        ("internal", tagged(leaf()), "", true),
        (
            "adjacent",
            value!({"tag": "Leaf", "content": (leaf())}),
            "content.",
            false,
        ),
        ("untagged", leaf(), "", true),
    ]
}

fn check(sent: &[(Sent, bool)]) {
    let client = Client::builder()
        .service(
            "echo",
            LocalTransport::new(Server::builder(Family).build().unwrap()),
        )
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (action, body, prefix, is_buffered) in places(&body_of(sent)) {
        let errors = runtime.block_on(errors_of(&client, action, body.clone()));
        let found: BTreeSet<String> = errors
            .iter()
            .map(|error| error.split(':').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            found,
            expected(sent, prefix, is_buffered),
            "{action}: {body:?}: {errors:#?}"
        );
    }
}

#[test]
fn every_kind_of_error_alone_is_told_wherever_the_body_is() {
    for index in 0..FIELDS.len() {
        for by_alias in [false, true] {
            for kind in [
                Sent::Good,
                Sent::Nothing,
                Sent::Broken,
                Sent::Wrong,
                Sent::Nil,
            ] {
                let mut sent = [(Sent::Good, by_alias); FIELDS.len()];
                sent[index].0 = kind;
                check(&sent);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_wrong_is_told_and_nothing_else(sent in bodies()) {
        check(&sent);
    }
}
