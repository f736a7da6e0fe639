//! Bodies that are made to take time or room, and what is easily left out.

use super::*;

#[soa::body]
struct Item {
    #[garde(range(min = 1))]
    n: i64,
}

#[soa::body]
struct Items {
    m: BTreeMap<String, Vec<Item>>,
}

#[tokio::test]
async fn errors_that_repeat_a_long_key_are_cut_off() {
    let items = Value::List(vec![value!({"n": 0}); 5000]);
    let map = Value::Map(
        [(Value::from("k".repeat(100_000)), items)]
            .into_iter()
            .collect(),
    );
    let errors = errors!(Items, value!({"m": map}));
    let bytes: usize = errors.iter().map(String::len).sum();
    assert!(!errors.is_empty() && bytes < 1_500_000, "{bytes}");
}

#[soa::body]
struct Tuples {
    timed: (std::time::Duration, Item),
    by_address: Vec<(std::net::IpAddr, Item)>,
    boxed: Box<[Item]>,
    seven: (u8, u8, u8, u8, u8, u8, Item),
}

#[tokio::test]
async fn bodies_in_tuples_of_other_types_are_validated() {
    let body = value!({
        "timed": [{"secs": 1, "nanos": 0}, {"n": 0}],
        "by_address": [["127.0.0.1", {"n": 0}]],
        "boxed": [{"n": 0}],
        "seven": [1, 2, 3, 4, 5, 6, {"n": 0}]
    });
    let errors = errors!(Tuples, body);
    let fields: Vec<&str> = errors
        .iter()
        .map(|error| error.split([' ', ':']).nth(1).unwrap())
        .collect();
    assert_eq!(
        fields,
        ["timed.1.n", "by_address.0.1.n", "boxed.0.n", "seven.6.n"]
    );
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
struct Ruled {
    #[garde(custom(even))]
    n: i64,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
struct ByKey {
    #[garde(dive)]
    m: BTreeMap<String, Ruled>,
}

#[tokio::test]
async fn the_key_of_a_map_is_one_step_whatever_is_in_it() {
    let body = value!({"m": {"a.b": {"n": 3}, "a[0]": {"n": 3}, "r#x": {"n": 3}}});
    assert_eq!(
        errors!(ByKey, body),
        [
            "INVALID m.a.b.n: not even",
            "INVALID m.a[0].n: not even",
            "INVALID m.r#x.n: not even"
        ]
    );
}

#[soa::body]
struct Small {
    n: u8,
}

#[tokio::test]
async fn a_number_out_of_the_range_of_its_type_is_one_error() {
    assert_eq!(
        errors!(Small, value!({"n": 300})),
        ["INVALID n: Value not <= 255"]
    );
}

/// Types that name each other many times.
macro_rules! dense {
    ($($name:ident),*) => {
        dense!(@each [$($name),*] $($name)*);
    };
    (@each $all:tt $($name:ident)*) => {
        $(dense!(@one $name $all);)*
    };
    (@one $name:ident [$($field:ident),*]) => {
        #[soa::body]
        #[serde(rename_all = "camelCase")]
        #[allow(non_snake_case)]
        struct $name { $($field: Option<Box<$field>>),* }
    };
}

dense!(A, B, C, D, E, F, G, H, I, J, K, L);

#[test]
fn types_that_name_each_other_many_times_are_described_in_a_small_room() {
    const DENSE: Action<A, ()> = Action::new("dense");
    let told = DENSE.describe("").request_schema().introspect().unwrap();
    let text = soa::text::write(&told);
    assert!(text.len() < 200_000, "{}", text.len());
}

/// Two alternatives read the same field, so serde tries each level twice.
#[soa::body]
#[serde(untagged)]
enum Tree {
    Named { below: Box<Tree>, name: String },
    Plain { below: Box<Tree> },
    Leaf { leaf: i64 },
}

/// Each alternative reads a field of its own.
#[soa::body]
#[serde(untagged)]
enum Rule {
    And { and: Vec<Rule> },
    Not { not: Box<Rule> },
    Is { is: String },
}

fn nested(key: &str, leaf: Value, depth: usize) -> Value {
    (0..depth).fold(leaf, |below, _| {
        Value::Map([(Value::from(key), below)].into_iter().collect())
    })
}

#[tokio::test]
async fn a_body_that_would_take_years_to_decode_is_refused() {
    let wrong = nested("below", value!({"leaf": "x"}), 100);
    assert_eq!(
        errors!(Tree, wrong),
        [
            "INVALID -: The body is too large for its 101 levels of lists and maps: this request takes fewer levels or less content"
        ]
    );
    let right = nested("below", value!({"leaf": 1}), 10);
    assert_eq!(errors!(Tree, right), [""; 0]);
}

#[tokio::test]
async fn alternatives_that_read_different_fields_may_be_nested_deeply() {
    let rule = nested("not", value!({"is": "x"}), 100);
    assert_eq!(errors!(Rule, rule), [""; 0]);
}
