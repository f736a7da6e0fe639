//! Answers about bodies that serde, garde and schemars describe each in its own way, for derives by hand and for
//! `#[soa::body]`.

mod both_ways;
mod family;

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use soa::{Action, Server, Value, service, value};

use self::both_ways::{client, errors_of};

/// Wants an even number.
fn even(number: &i64, (): &()) -> garde::Result {
    if number % 2 == 0 {
        Ok(())
    } else {
        Err(garde::Error::new("not even"))
    }
}

/// Accepts no text.
fn never(_: &str, (): &()) -> garde::Result {
    Err(garde::Error::new("never right"))
}

/// Reads a number, or a text with one.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// Sends a body to a service whose only action has this request, and returns the errors as `CODE field: message`.
macro_rules! errors {
    ($type:ty, $body:expr) => {{
        struct Echo;

        #[service(name = "echo", version = "1.0.0")]
        impl Echo {
            #[action]
            async fn echo(&self, _body: $type) -> Result<(), soa::ActionError> {
                Ok(())
            }
        }

        let client = client(Server::builder(Echo).build().unwrap());
        errors_of(&client, "echo", $body).await
    }};
}

// Behind the macro that they use.
mod flattened;
mod hostile;

mod by_hand {
    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    pub(super) struct Page {
        sort: Vec<String>,
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    struct Aliased {
        #[serde(alias = "colour")]
        color: String,
        #[serde(flatten)]
        page: Page,
    }

    #[tokio::test]
    async fn an_alias_beside_a_flattened_list_is_accepted() {
        let body = value!({"colour": "red", "sort": ["x"]});
        assert_eq!(errors!(Aliased, body), [""; 0]);
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    struct AliasedAndRuled {
        #[serde(alias = "colour")]
        color: String,
        #[garde(custom(even))]
        n: i64,
    }

    #[tokio::test]
    async fn a_broken_rule_is_the_only_error_beside_an_alias() {
        let body = value!({"colour": "red", "n": 3});
        assert_eq!(errors!(AliasedAndRuled, body), ["INVALID n: not even"]);
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    struct Decoded {
        #[serde(deserialize_with = "number_or_text")]
        count: u32,
        #[garde(custom(even))]
        n: i64,
    }

    #[tokio::test]
    async fn a_broken_rule_is_the_only_error_beside_a_field_with_its_own_decoder() {
        let body = value!({"count": "3", "n": 3});
        assert_eq!(errors!(Decoded, body), ["INVALID n: not even"]);
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    struct Raw {
        #[garde(custom(never))]
        r#type: String,
    }

    #[tokio::test]
    async fn a_raw_identifier_has_the_name_on_the_wire() {
        assert_eq!(
            errors!(Raw, value!({"type": "a"})),
            ["INVALID type: never right"]
        );
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    struct Renamed {
        #[serde(rename = "e-mail")]
        #[garde(length(chars, min = 3))]
        address: String,
    }

    #[tokio::test]
    async fn a_limit_of_a_renamed_field_is_explained_by_the_schema() {
        assert_eq!(
            errors!(Renamed, value!({"e-mail": "a"})),
            ["INVALID e-mail: String must have a length of at least 3"]
        );
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[serde(transparent)]
    struct Id(#[garde(custom(even))] i64);

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    struct WithId {
        #[garde(dive)]
        id: Id,
        #[garde(dive)]
        others: Vec<Id>,
    }

    #[tokio::test]
    async fn a_newtype_is_no_step_of_a_path() {
        let body = value!({"id": 3, "others": [2, 5]});
        assert_eq!(
            errors!(WithId, body),
            ["INVALID id: not even", "INVALID others.1: not even"]
        );
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    struct Latitude {
        #[garde(range(min = -90.0, max = 90.0))]
        lat: f64,
    }

    #[tokio::test]
    async fn a_nan_is_in_no_range() {
        assert_eq!(
            errors!(Latitude, value!({"lat": (f64::NAN)})),
            ["INVALID lat: Value is not a number"]
        );
        assert_eq!(errors!(Latitude, value!({"lat": 90.0})), [""; 0]);
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    struct Limits {
        #[schemars(extend("exclusiveMinimum" = 0))]
        float: f64,
        #[schemars(extend("exclusiveMinimum" = 0))]
        integer: i64,
    }

    #[tokio::test]
    async fn an_exclusive_limit_that_nobody_keeps_is_not_promised() {
        assert_eq!(
            errors!(Limits, value!({"float": 0.0, "integer": 0})),
            [""; 0]
        );
        const LIMITS: Action<Limits, ()> = Action::new("limits");
        let schema = LIMITS.describe("").request_schema().introspect().unwrap();
        let contents = schema.get("contents").unwrap();
        for field in ["float", "integer"] {
            assert_eq!(contents.get(field).unwrap().get("gt"), None);
        }
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    struct Inner {
        note: Option<String>,
        text: String,
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
    }

    #[tokio::test]
    async fn a_nil_for_an_option_is_refused_behind_a_buffer() {
        assert_eq!(
            errors!(Outer, value!({"text": "a", "note": nil})),
            ["INVALID note: Not a unicode string"]
        );
    }

    #[tokio::test]
    async fn an_action_without_a_request_still_refuses_fields() {
        assert_eq!(
            errors!((), value!({"a": 1})),
            ["UNKNOWN -: Extra keys present: a"]
        );
    }
}

mod by_attribute {
    use super::*;

    #[soa::body]
    struct Page {
        sort: Vec<String>,
        #[serde(alias = "length")]
        size: Option<u8>,
    }

    #[soa::body]
    struct Search {
        #[serde(alias = "colour")]
        color: String,
        #[serde(flatten)]
        page: Page,
        n: i64,
    }

    #[tokio::test]
    async fn a_field_that_was_sent_under_its_alias_is_not_missing() {
        let body = value!({"colour": "red", "sort": ["x"], "length": 300, "n": "a"});
        assert_eq!(
            errors!(Search, body),
            [
                "INVALID length: Value not <= 255",
                "INVALID n: Not an integer"
            ]
        );
        let body = value!({"colour": nil, "sort": ["x"], "length": nil, "n": 1});
        assert_eq!(
            errors!(Search, body),
            [
                "INVALID colour: Not a unicode string",
                "INVALID length: Not an integer"
            ]
        );
    }

    #[soa::body]
    struct Decoded {
        #[serde(deserialize_with = "number_or_text")]
        count: u32,
        n: i64,
    }

    #[tokio::test]
    async fn a_field_with_its_own_decoder_is_judged_by_it_alone() {
        assert_eq!(
            errors!(Decoded, value!({"count": "3", "n": "a"})),
            ["INVALID n: Not an integer"]
        );
        assert_eq!(
            errors!(Decoded, value!({"count": "three", "n": 1})),
            ["INVALID count: invalid digit found in string"]
        );
    }

    #[soa::body]
    struct Names {
        #[serde(rename = "e-mail")]
        #[garde(custom(never))]
        address: String,
        #[garde(custom(never))]
        r#type: String,
        #[serde(rename(serialize = "out", deserialize = "in"))]
        #[garde(custom(never))]
        both: String,
        #[serde(alias = "mobile")]
        #[garde(custom(never))]
        phone: String,
    }

    #[tokio::test]
    async fn errors_name_what_the_caller_sent() {
        let body = value!({"e-mail": "a", "type": "b", "in": "c", "mobile": "d"});
        // In garde's order, which is that of the names in the source.
        assert_eq!(
            errors!(Names, body),
            [
                "INVALID e-mail: never right",
                "INVALID in: never right",
                "INVALID mobile: never right",
                "INVALID type: never right"
            ]
        );
    }

    #[soa::body(package = "shop.types")]
    struct Packaged {
        names: Option<Names>,
    }

    #[test]
    fn a_schema_tells_the_package_of_a_type_and_the_names_under_which_fields_are_written() {
        let schema = soa::schema::Schema::of::<Packaged>();
        assert_eq!(schema.root().package.as_deref(), Some("shop.types"));
        let names = schema.definition("Names").unwrap();
        assert_eq!(names.package, None);
        let schema = soa::schema::Schema::of::<Names>();
        let names: Vec<_> = schema.fields().unwrap().iter().collect();
        let names = names
            .iter()
            .map(|field| (&*field.name, field.written_name()));
        assert_eq!(
            names.collect::<Vec<_>>(),
            [
                ("e-mail", "e-mail"),
                ("type", "type"),
                ("in", "out"),
                ("phone", "phone")
            ]
        );
    }

    #[tokio::test]
    async fn errors_of_a_response_name_what_would_have_been_sent() {
        struct Answer;

        #[service(name = "answer", version = "1.0.0")]
        impl Answer {
            #[action]
            async fn answer(&self) -> Result<Names, soa::ActionError> {
                let text = String::new;
                Ok(Names {
                    address: text(),
                    r#type: text(),
                    both: text(),
                    phone: text(),
                })
            }
        }

        let server = Server::builder(Answer).tell_internal_errors(true);
        let error = AnswerClient::local(server).answer().await.unwrap_err();
        let message = &error.errors()[0].message;
        for name in ["e-mail", "type", "out", "phone"] {
            assert!(message.contains(&format!("\t{name} INVALID")), "{message}");
        }
    }

    #[soa::body]
    #[serde(transparent)]
    struct Id(#[garde(custom(even))] i64);

    #[soa::body]
    #[serde(rename_all = "camelCase")]
    struct Part {
        #[garde(range(max = 100))]
        unit_count: i64,
        #[garde(custom(even))]
        serial_number: i64,
    }

    #[soa::body]
    enum Shape {
        Circle {
            #[garde(custom(even))]
            radius: i64,
        },
        Square(#[garde(custom(even))] i64),
        Line(#[garde(custom(even))] i64, #[garde(custom(even))] i64),
        #[serde(alias = "dot")]
        Point,
    }

    #[soa::body]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Tagged {
        Part(Part),
        Id { id: Id },
    }

    #[soa::body]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        Parts(Vec<Part>),
        Id { id: Id },
    }

    #[soa::body]
    #[serde(untagged)]
    enum Untagged {
        Part(Part),
        Id { id: Id },
    }

    #[soa::body]
    struct Everything {
        id: Id,
        ids: Vec<Id>,
        parts: BTreeMap<String, Vec<Part>>,
        boxed: Option<Box<Part>>,
        #[serde(flatten)]
        part: Part,
        shapes: Vec<Shape>,
        tagged: Vec<Tagged>,
        adjacent: Vec<Adjacent>,
        untagged: Vec<Untagged>,
        pair: (i64, Id),
    }

    #[tokio::test]
    async fn bodies_within_bodies_are_validated_wherever_they_are() {
        let body = value!({
            "id": 1,
            "ids": [2, 3],
            "parts": {"a": [{"unitCount": 101, "serialNumber": 2}]},
            "boxed": {"unitCount": 1, "serialNumber": 3},
            "unitCount": 102,
            "serialNumber": 5,
            "shapes": [{"Circle": {"radius": 3}}, {"Square": 3}, {"Line": [2, 3]}, "dot"],
            "tagged": [{"kind": "part", "unitCount": 1, "serialNumber": 3}, {"kind": "id", "id": 3}],
            "adjacent": [
                {"t": "Parts", "c": [{"unitCount": 1, "serialNumber": 3}]},
                {"t": "Id", "c": {"id": 3}}
            ],
            "untagged": [{"unitCount": 101, "serialNumber": 2}, {"id": 3}],
            "pair": [1, 3]
        });
        let mut errors = errors!(Everything, body);
        errors.sort();
        let mut expected = [
            "INVALID id: not even",
            "INVALID ids.1: not even",
            "INVALID parts.a.0.unitCount: Value not <= 100",
            "INVALID boxed.serialNumber: not even",
            "INVALID unitCount: Value not <= 100",
            "INVALID serialNumber: not even",
            "INVALID shapes.0.Circle.radius: not even",
            "INVALID shapes.1.Square: not even",
            "INVALID shapes.2.Line.1: not even",
            "INVALID tagged.0.serialNumber: not even",
            "INVALID tagged.1.id: not even",
            "INVALID adjacent.0.c.0.serialNumber: not even",
            "INVALID adjacent.1.c.id: not even",
            "INVALID untagged.0.unitCount: Value not <= 100",
            "INVALID untagged.1.id: not even",
            "INVALID pair.1: not even",
        ];
        expected.sort_unstable();
        assert_eq!(errors, expected);
    }

    #[soa::body]
    enum Colour {
        #[serde(alias = "rouge")]
        Red,
        Green,
        #[serde(alias = "autre")]
        Other(String),
    }

    #[soa::body]
    #[serde(tag = "kind")]
    enum Paint {
        #[serde(alias = "huile")]
        Oil {
            colour: Colour,
        },
        Water {
            colour: Colour,
        },
    }

    #[soa::body]
    struct Paints {
        paints: Vec<Paint>,
        n: i64,
    }

    #[tokio::test]
    async fn aliases_of_variants_are_known() {
        let paints = value!([
            {"kind": "huile", "colour": "rouge"},
            {"kind": "Water", "colour": "Green"},
            {"kind": "Oil", "colour": {"autre": "grey"}}
        ]);
        assert_eq!(
            errors!(Paints, value!({"paints": (paints.clone()), "n": 1})),
            [""; 0]
        );
        assert_eq!(
            errors!(Paints, value!({"paints": (paints), "n": "a"})),
            ["INVALID n: Not an integer"]
        );
    }

    #[soa::body]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Known,
        #[serde(other)]
        Unknown,
    }

    #[soa::body]
    #[serde(tag = "t", rename_all = "lowercase")]
    enum Thing {
        Known {
            n: i64,
        },
        #[serde(other)]
        Unknown,
    }

    #[soa::body]
    struct Things {
        kind: Kind,
        thing: Thing,
        n: i64,
    }

    #[tokio::test]
    async fn a_variant_for_all_other_names_is_known() {
        let body = |n: Value| value!({"kind": "new", "thing": {"t": "new"}, "n": n});
        assert_eq!(errors!(Things, body(1.into())), [""; 0]);
        assert_eq!(
            errors!(Things, body("a".into())),
            ["INVALID n: Not an integer"]
        );
    }

    #[soa::body]
    struct Twice {
        #[serde(flatten)]
        first: First,
    }

    #[soa::body]
    struct First {
        #[serde(flatten)]
        second: Second,
    }

    #[soa::body]
    struct Second {
        #[serde(rename = "the-name", alias = "name")]
        #[garde(custom(never))]
        name: String,
        n: i64,
    }

    #[tokio::test]
    async fn a_field_of_a_struct_that_is_flattened_twice_has_its_own_name() {
        assert_eq!(
            errors!(Twice, value!({"the-name": "a", "n": 1})),
            ["INVALID the-name: never right"]
        );
        assert_eq!(
            errors!(Twice, value!({"name": "a", "n": 1})),
            ["INVALID name: never right"]
        );
        assert_eq!(
            errors!(Twice, value!({"name": "a", "n": "x"})),
            ["INVALID n: Not an integer"]
        );
    }

    #[soa::body(closed)]
    struct Closed {
        #[serde(alias = "b")]
        a: i64,
    }

    #[tokio::test]
    async fn a_closed_body_refuses_unknown_fields_and_knows_aliases() {
        assert_eq!(errors!(Closed, value!({"b": 1})), [""; 0]);
        assert_eq!(
            errors!(Closed, value!({"b": 1, "c": 2})),
            ["UNKNOWN -: Extra keys present: c"]
        );
    }

    #[soa::body]
    struct Generic<T: Validate<Context = ()>> {
        #[garde(dive)]
        content: T,
    }

    #[tokio::test]
    async fn a_field_of_a_generic_type_dives() {
        assert_eq!(
            errors!(
                Generic<Part>,
                value!({"content": {"unitCount": 1, "serialNumber": 3}})
            ),
            ["INVALID content.serialNumber: not even"]
        );
    }

    #[soa::body]
    struct OfOthers {
        page: super::by_hand::Page,
        ruled: Vec<Ruled>,
    }

    #[derive(Debug, Clone, Serialize, Deserialize, Validate, JsonSchema)]
    struct Ruled {
        #[garde(custom(even))]
        n: i64,
    }

    #[tokio::test]
    async fn a_type_with_derives_by_hand_is_validated_within_a_body() {
        assert_eq!(
            errors!(
                OfOthers,
                value!({"page": {"sort": []}, "ruled": [{"n": 2}, {"n": 3}]})
            ),
            ["INVALID ruled.1.n: not even"]
        );
    }

    #[test]
    fn a_type_without_rules_of_its_own_validates_what_is_in_it() {
        let twice = Twice {
            first: First {
                second: Second {
                    name: String::new(),
                    n: 1,
                },
            },
        };
        let report = Validate::validate(&twice).unwrap_err();
        assert_eq!(report.to_string(), "the-name: never right\n");
    }

    #[test]
    fn the_traits_are_derived() {
        let part = Part {
            unit_count: 1,
            serial_number: 2,
        };
        assert_eq!(
            format!("{:?}", part.clone()),
            "Part { unit_count: 1, serial_number: 2 }"
        );
    }
}
