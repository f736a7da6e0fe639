//! Flattened maps and enums: their keys are data, and their errors have names as all others.

use super::*;

#[soa::body]
struct Priced {
    label: String,
    #[serde(flatten)]
    prices: BTreeMap<u32, i64>,
}

#[soa::body]
struct Scored {
    id: i64,
    #[serde(flatten)]
    scores: BTreeMap<String, Option<i64>>,
}

#[soa::body]
struct Shelved {
    id: i64,
    #[serde(flatten)]
    books: BTreeMap<String, Book>,
}

#[soa::body(closed)]
struct Book {
    #[garde(length(min = 1))]
    title: String,
}

#[tokio::test]
async fn a_wrong_value_in_a_flattened_map_is_named_by_its_key() {
    let body = value!({"label": "x", 5: 7, 6: "x"});
    assert_eq!(errors!(Priced, body), ["INVALID 6: Not an integer"]);
    let body = value!({"label": 7, 5: 7});
    assert_eq!(
        errors!(Priced, body),
        ["INVALID label: Not a unicode string"]
    );
    let body = value!({"label": "x", "five": 7});
    assert_eq!(errors!(Priced, body), ["INVALID five: Not an integer"]);
    let body = value!({"id": 1, "a": nil, "b": 2, "c": "x"});
    assert_eq!(errors!(Scored, body), ["INVALID c: Not an integer"]);
    let body = value!({"id": 1, "a": {"title": "Emma"}, "b": {"title": 7, "pages": 3}, "c": {}});
    assert_eq!(
        errors!(Shelved, body),
        [
            "INVALID b.title: Not a unicode string",
            "UNKNOWN b: Extra keys present: pages",
            "MISSING c.title: Missing key: title",
        ]
    );
}

#[tokio::test]
async fn what_is_right_in_a_flattened_map_is_accepted() {
    assert_eq!(errors!(Priced, value!({"label": "x", 5: 7})), [""; 0]);
    assert_eq!(
        errors!(Scored, value!({"id": 1, "a": nil, "b": 2})),
        [""; 0]
    );
    assert_eq!(
        errors!(Shelved, value!({"id": 1, "a": {"title": "Emma"}})),
        [""; 0]
    );
}

#[tokio::test]
async fn a_broken_rule_in_a_flattened_map_is_named_by_its_key() {
    let body = value!({"id": 1, "a": {"title": ""}});
    let told = errors!(Shelved, body);
    assert!(
        told.len() == 1 && told[0].starts_with("INVALID a.title: "),
        "{told:?}"
    );
}

#[soa::body]
struct Painted {
    #[serde(alias = "colour")]
    color: String,
    n: i64,
}

#[soa::body]
struct Outer {
    #[serde(flatten)]
    painted: Painted,
}

#[tokio::test]
async fn a_field_that_is_sent_under_two_of_its_names_is_named() {
    let body = value!({"color": "red", "colour": "blue", "n": 1});
    let error = "INVALID colour: The same field as color";
    assert_eq!(errors!(Painted, body.clone()), [error]);
    assert_eq!(errors!(Outer, body), [error]);
    let body = value!({"color": "red", "colour": "blue", "n": "x"});
    assert_eq!(errors!(Painted, body), [error, "INVALID n: Not an integer"]);
}

#[soa::body]
struct Payment {
    id: i64,
    #[serde(flatten)]
    by: By,
}

#[soa::body]
#[serde(untagged)]
enum By {
    Card {
        number: i64,
        #[garde(range(max = 999))]
        code: i64,
    },
    Account {
        account: String,
    },
}

#[tokio::test]
async fn the_errors_of_a_flattened_enum_are_those_of_the_alternative_that_is_nearest() {
    let cases = [
        (value!({"id": 1, "number": 2, "code": 3}), vec![]),
        (
            value!({"id": "x", "number": 2, "code": 3}),
            vec!["INVALID id: Not an integer"],
        ),
        (
            value!({"id": 1, "number": "x", "code": 3}),
            vec!["INVALID number: Not an integer"],
        ),
        (
            value!({"id": 1, "account": 7}),
            vec!["INVALID account: Not a unicode string"],
        ),
        (
            value!({"id": 1, "number": 2}),
            vec![
                "MISSING code: Missing key: code",
                "MISSING account: Missing key: account",
            ],
        ),
    ];
    for (body, expected) in cases {
        let mut told = errors!(Payment, body.clone());
        told.sort();
        let mut expected = expected;
        expected.sort();
        assert_eq!(told, expected, "{body:?}");
    }
}
