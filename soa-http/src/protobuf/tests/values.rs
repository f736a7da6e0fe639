//! Values to bytes and back, and what another reader makes of the bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, field_descriptor_proto,
};
use prost_reflect::{DescriptorPool, DynamicMessage};
use schemars::JsonSchema;
use soa_wire::{Blob, Date, Decimal, Map, Nullable, Value, value};

use super::message_of;
use crate::protobuf::message::{Absence, Form, Message};
use crate::protobuf::{read, write};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Everything {
    small: i8,
    natural: u64,
    single: f32,
    double: f64,
    truth: bool,
    text: String,
    blob: Blob,
    day: Date,
    price: Decimal,
    color: Color,
    level: Level,
    anything: Value,
    nullable: Nullable<String>,
    optional: Option<String>,
    number: Option<i64>,
    map: Option<BTreeMap<String, i64>>,
    inner: Inner,
    maybe: Option<Inner>,
    integers: Vec<i32>,
    floats: Vec<f64>,
    truths: Vec<bool>,
    texts: Vec<String>,
    blobs: Vec<Blob>,
    days: Vec<Date>,
    inners: Vec<Inner>,
    leaf: Leaf,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Inner {
    number: i64,
    leaf: Leaf,
    leaves: Vec<Leaf>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Leaf {
    note: Option<String>,
    numbers: Vec<i64>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
enum Color {
    Red,
    Green,
}

/// As of an enum with numbers.
#[expect(dead_code, reason = "only its schema is of interest")]
struct Level(i64);

impl JsonSchema for Level {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "enum": [1, 2] })
    }
}

pub(super) fn everything() -> Arc<Message> {
    message_of::<Everything>().unwrap()
}

/// Returns values that a message can carry, as it is read.
fn values_of(message: &Message) -> BoxedStrategy<Value> {
    let fields = message.fields.iter().map(|place| {
        let one = match &place.form {
            Form::Integer => any::<i32>().prop_map(|n| i64::from(n).into()).boxed(),
            Form::Float => {
                use prop::num::f32::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
                let floats = POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE;
                floats.prop_map(|n| f64::from(n).into()).boxed()
            }
            Form::Boolean => any::<bool>().prop_map(Value::from).boxed(),
            Form::Text => any::<String>().prop_map(Value::from).boxed(),
            Form::Choice(others) => {
                let values: Vec<Value> = others.iter().map(|(_, value)| value.clone()).collect();
                prop::sample::select(values).boxed()
            }
            Form::Bytes => any::<Vec<u8>>()
                .prop_map(|bytes| Value::Bytes(bytes.into()))
                .boxed(),
            Form::Message(message) => values_of(message),
            Form::Hollow(_) => Just(Value::Nil).boxed(),
        };
        let is_message = matches!(place.form, Form::Message(_));
        let value = match place.absence {
            _ if place.is_list => prop::collection::vec(one, 0..3)
                .prop_map(Value::List)
                .boxed(),
            // It cannot be told from an empty one.
            _ if is_message => one,
            Absence::Left | Absence::Empty => one,
            Absence::Nil => prop_oneof![Just(Value::Nil), one].boxed(),
        };
        let key = place.key.clone();
        let may_be_absent = place.absence == Absence::Left && !place.is_list;
        (value, any::<bool>()).prop_map(move |(value, is_absent)| {
            let is_absent = may_be_absent && (is_absent || value.is_nil());
            (!is_absent).then(|| (key.clone(), value))
        })
    });
    let fields: Vec<_> = fields.collect();
    fields
        .prop_map(|fields| Value::Map(fields.into_iter().flatten().collect::<Map>()))
        .boxed()
}

/// Returns the same message for another reader.
fn reflected(message: &Message) -> prost_reflect::MessageDescriptor {
    use field_descriptor_proto::{Label, Type};

    fn add(message: &Message, known: &mut Vec<DescriptorProto>) {
        let fields = message.numbered().map(|(number, place)| {
            let (kind, type_name) = match &place.form {
                Form::Integer => (Type::Int32, None),
                Form::Float => (Type::Float, None),
                Form::Boolean => (Type::Bool, None),
                Form::Text | Form::Choice(_) | Form::Hollow(_) => (Type::String, None),
                Form::Bytes => (Type::Bytes, None),
                Form::Message(inner) => {
                    add(inner, known);
                    (Type::Message, Some(format!(".tests.{}", inner.name)))
                }
            };
            let label = match place.is_list {
                true => Label::Repeated,
                false => Label::Optional,
            };
            FieldDescriptorProto {
                name: Some(place.name.clone()),
                number: Some(number.try_into().unwrap()),
                label: Some(label.into()),
                r#type: Some(kind.into()),
                type_name,
                ..Default::default()
            }
        });
        let proto = DescriptorProto {
            name: Some(message.name.clone()),
            field: fields.collect(),
            ..Default::default()
        };
        if !known.contains(&proto) {
            known.push(proto);
        }
    }

    let mut messages = Vec::new();
    add(message, &mut messages);
    let file = FileDescriptorProto {
        name: Some("tests.proto".to_owned()),
        package: Some("tests".to_owned()),
        message_type: messages,
        ..Default::default()
    };
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file).unwrap();
    let name = format!("tests.{}", message.name);
    pool.get_message_by_name(&name).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_value_is_the_same_after_its_way_through_bytes(value in values_of(&everything())) {
        let message = everything();
        let bytes = write::message(&message, value.clone()).unwrap();
        let (read, errors) = read::message(&message, &bytes).unwrap();
        prop_assert_eq!(errors, []);
        prop_assert_eq!(read, value);
    }

    #[test]
    fn another_library_reads_the_bytes_and_writes_the_same(value in values_of(&everything())) {
        let message = everything();
        let bytes = write::message(&message, value).unwrap();
        let dynamic = DynamicMessage::decode(reflected(&message), &*bytes).unwrap();
        prop_assert_eq!(dynamic.unknown_fields().count(), 0);
        prop_assert_eq!(dynamic.encode_to_vec(), bytes);
    }

    #[test]
    fn what_is_read_without_errors_is_read_by_another_library_too(
        value in values_of(&everything()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let message = everything();
        let mut bytes = write::message(&message, value).unwrap();
        let at = at.index(bytes.len().max(1));
        match bytes.get_mut(at) {
            Some(place) => *place = byte,
            None => bytes.push(byte),
        }
        if let Ok((_, errors)) = read::message(&message, &bytes) && errors.is_empty() {
            prop_assert!(DynamicMessage::decode(reflected(&message), &*bytes).is_ok());
        }
    }
}

/// Returns the error of a value that cannot be written.
fn unfit(field: &str, value: impl Into<Value>) -> (String, String) {
    let map = Map::from([(field, value.into())]);
    let error = write::message(&everything(), Value::Map(map))
        .unwrap_err()
        .remove(0);
    (error.field.unwrap_or_default(), error.message.into_owned())
}

#[test]
fn a_value_that_does_not_fit_is_never_cut_off() {
    let wide = unfit("small", 1_i64 << 35);
    assert_eq!(
        wide,
        (
            "small".into(),
            "34359738368 does not fit into 32 bits".into()
        )
    );
    let wide = unfit("integers", value!([1, 2_147_483_648_i64]));
    assert_eq!(
        wide,
        (
            "integers.1".into(),
            "2147483648 does not fit into 32 bits".into()
        )
    );
    let wide = unfit("double", 1e300);
    assert_eq!(
        wide,
        (
            "double".into(),
            "1e300 does not fit into a float of 32 bits".into()
        )
    );
    let deep = unfit(
        "inners",
        value!([{ "number": 1 }, { "number": 1_099_511_627_776_i64 }]),
    );
    assert_eq!(deep.0, "inners.1.number");
}

#[test]
fn what_has_no_form_can_be_nil_and_nothing_else() {
    let refused = |what: &str| {
        format!("{what} can only be nil by protobuf; use dispatch-json or dispatch-msgpack")
    };
    assert_eq!(
        unfit("number", 5),
        ("number".into(), refused("an optional integer"))
    );
    assert_eq!(
        unfit("map", value!({ "a": 1 })),
        ("map".into(), refused("a map"))
    );
    assert_eq!(
        unfit("maybe", value!({})),
        ("maybe".into(), refused("an optional struct"))
    );
    let anything = unfit("anything", 5);
    assert_eq!(anything.0, "anything");
    assert!(anything.1.contains("dispatch-json"), "{}", anything.1);
    let nils = value!({ "number": nil, "map": nil, "maybe": nil, "anything": nil });
    assert_eq!(write::message(&everything(), nils).unwrap(), b"");
}

#[test]
fn a_key_without_a_field_is_not_lost_in_silence() {
    let (field, problem) = unfit("more", 5);
    assert_eq!(field, "more");
    assert_eq!(
        problem,
        "the message `Tests_call_Request` has no such field"
    );
}
