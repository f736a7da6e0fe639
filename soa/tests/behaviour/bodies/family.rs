//! A property of all bodies: what is accepted, and which fields are named, for a type with every attribute of serde that
//! the guide allows, alone and wherever a body can be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde::{Deserialize, Deserializer};
use soa::{ActionError, Client, Server, Value, service, value};

use super::both_ways::{client, errors_of};
use super::even;

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

/// A number that is written as text.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
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
    #[serde(with = "as_text")]
    #[garde(custom(even))]
    coded: i64,
    #[serde(with = "as_text")]
    #[schemars(with = "String")]
    #[garde(custom(even))]
    described: i64,
    #[serde(skip_deserializing)]
    #[garde(custom(even))]
    unread: i64,
    #[serde(skip_serializing, alias = "un-written")]
    #[garde(custom(even))]
    unwritten: i64,
    #[serde(skip)]
    #[garde(custom(even))]
    skipped: i64,
    newtype: Newtype,
    #[serde(rename = "trans-parent")]
    transparent: Transparent,
    transparents: Option<Vec<Transparent>>,
    coded_newtype: CodedNewtype,
    coded_transparent: CodedTransparent,
    #[serde(flatten)]
    inner: Inner,
}

#[soa::body]
struct Newtype(#[garde(custom(even))] i64);

#[soa::body]
#[serde(transparent)]
struct Transparent {
    #[garde(custom(even))]
    value: i64,
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

#[soa::body]
struct CodedNewtype(
    #[serde(deserialize_with = "number_or_text")]
    #[garde(custom(even))]
    i64,
);

#[soa::body]
#[serde(transparent)]
struct CodedTransparent {
    #[serde(with = "as_text")]
    #[garde(custom(even))]
    value: i64,
}

/// The leaf's own names are not those of the variant.
#[soa::body]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Renaming {
    TheLeaf {
        #[serde(flatten)]
        leaf: Leaf,
        #[garde(custom(even))]
        of_variant: i64,
    },
    #[serde(rename_all = "UPPERCASE")]
    Other { n: i64 },
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
    async fn renaming(&self, _body: Renaming) -> Result<(), ActionError> {
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
    /// The same, for what a schema describes.
    Described,
    /// A rule that only garde knows, for a list of one.
    List,
    /// Nobody, as it is not read.
    Nobody,
}

struct FieldRule {
    names: &'static [&'static str],
    is_required: bool,
    judge: Judge,
}

const FIELDS: [FieldRule; 19] = [
    field(&["plain"], true, Judge::Custom),
    field(&["re-named"], true, Judge::Custom),
    field(&["aliased", "other"], true, Judge::Limit),
    field(&["defaulted"], false, Judge::Custom),
    field(&["optional"], false, Judge::Custom),
    field(&["in"], true, Judge::Custom),
    field(&["decoded"], true, Judge::Decoder),
    field(&["coded"], true, Judge::Decoder),
    field(&["described"], true, Judge::Described),
    field(&["unread"], false, Judge::Nobody),
    field(&["unwritten", "un-written"], true, Judge::Custom),
    field(&["skipped"], false, Judge::Nobody),
    field(&["newtype"], true, Judge::Custom),
    field(&["trans-parent"], true, Judge::Custom),
    field(&["transparents"], false, Judge::List),
    field(&["coded_newtype"], true, Judge::Decoder),
    field(&["coded_transparent"], true, Judge::Decoder),
    field(&["ofInner", "in_ner"], true, Judge::Custom),
    field(&["OF-INNERMOST"], true, Judge::Limit),
];

/// The places of the fields that are an `Option`.
const OPTIONS: [usize; 2] = [4, 14];

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
            (Sent::Nil, _) => Value::Nil,
            (Sent::Good, Judge::Decoder | Judge::Described) => Value::from("2"),
            (Sent::Good, Judge::List) => value!([2, 4]),
            (Sent::Good, _) => Value::from(2),
            (Sent::Broken, Judge::Limit) => Value::from(101),
            (Sent::Broken, Judge::Decoder | Judge::Described) => Value::from("3"),
            (Sent::Broken, Judge::List) => value!([2, 3]),
            (Sent::Broken, _) => Value::from(3),
            (Sent::Wrong, Judge::Described) => Value::from(7),
            (Sent::Wrong, Judge::List) => value!([2, "x"]),
            (Sent::Wrong, _) => Value::from("x"),
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
    let mut undecodable: Option<String> = None;
    let mut is_refused = false;
    for (index, (field, (sent, by_alias))) in FIELDS.iter().zip(sent).enumerate() {
        let mut invalid = format!("INVALID {prefix}{}", name(field, *by_alias));
        if field.judge == Judge::List && *sent != Sent::Nil {
            invalid.push_str(".1");
        }
        match sent {
            _ if field.judge == Judge::Nobody => {}
            Sent::Nothing if field.is_required => {
                is_refused = true;
                shape.insert(format!("MISSING {prefix}{}", field.names[0]));
            }
            Sent::Nothing | Sent::Good => {}
            Sent::Broken if field.judge == Judge::Limit => drop(limits.insert(invalid)),
            Sent::Broken => drop(customs.insert(invalid)),
            // The first of them ends the reading.
            Sent::Wrong | Sent::Nil if field.judge == Judge::Decoder => {
                undecodable.get_or_insert(invalid);
            }
            Sent::Wrong | Sent::Nil => {
                is_refused |= !(is_buffered && OPTIONS.contains(&index) && *sent == Sent::Nil);
                shape.insert(invalid);
            }
        }
    }
    let mut expected: BTreeSet<String> = shape.union(&limits).cloned().collect();
    if !is_refused && undecodable.is_none() {
        expected.extend(customs);
    }
    if let Some(invalid) = undecodable.filter(|_| shape.is_empty()) {
        // Of what is in a buffer, only the place of the buffer is known.
        expected.insert(match (is_buffered, prefix.trim_end_matches('.')) {
            (false, _) => invalid,
            (true, "") => "INVALID -".to_owned(),
            (true, place) => format!("INVALID {place}"),
        });
    }
    expected
}

fn tagged(mut leaf: Value) -> Value {
    if let Some(map) = leaf.as_map_mut() {
        map.insert("tag", "Leaf");
    }
    leaf
}

/// A body with one more field, which is good.
fn with_number(mut leaf: Value, name: &'static str) -> Value {
    if let Some(map) = leaf.as_map_mut() {
        map.insert(name, 2);
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
        (
            "renaming",
            value!({"the-leaf": (with_number(leaf(), "ofVariant"))}),
            "the-leaf.",
            true,
        ),
        ("untagged", leaf(), "", true),
    ]
}

fn family() -> Client {
    client(Server::builder(Family).build().unwrap())
}

fn check(sent: &[(Sent, bool)]) {
    let client = family();
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

#[tokio::test]
async fn the_fields_of_renamed_variants_have_their_names_in_messages() {
    let good = body_of(&[(Sent::Good, false); FIELDS.len()]);
    let mut odd = good.clone();
    odd.as_map_mut().unwrap().insert("ofVariant", 3);
    let cases = [
        (
            value!({"the-leaf": (odd)}),
            "INVALID the-leaf.ofVariant: not even",
        ),
        (
            value!({"the-leaf": (good)}),
            "MISSING the-leaf.ofVariant: Missing key: ofVariant",
        ),
        (
            value!({"other": {"N": "x"}}),
            "INVALID other.N: Not an integer",
        ),
    ];
    for (body, error) in cases {
        assert_eq!(errors_of(&family(), "renaming", body).await, [error]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_wrong_is_told_and_nothing_else(sent in bodies()) {
        check(&sent);
    }
}
