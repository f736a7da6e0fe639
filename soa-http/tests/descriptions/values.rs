//! Requests and answers of a running service against the schemas of its document.

use serde_json::{Value as Json, json};

use crate::support::{Claim, answer_at, document, findings, request_at, send};
use crate::types::COMPONENT;

/// The actions, with bodies that they take.
fn bodies() -> Vec<(&'static str, Json)> {
    let wire = json!({
        "local": "2026-11-21T08:30:00.250000", "utc": "2026-11-21T08:30:00+00:00", "date": "2026-11-21",
        "time": "08:30:00", "price": "12.30", "total": "USD 1250", "bytes": "AP8=", "anything": [1, null, {"a": "b"}],
        "map": {"a": 1},
    });
    let flat = |shape: Json, more: Json| {
        let mut body = json!({"own": 1, "n": 2});
        let body_map = body.as_object_mut().unwrap();
        body_map.extend(shape.as_object().unwrap().clone());
        body_map.extend(more.as_object().unwrap().clone());
        body
    };
    let tree = json!({
        "name": "a",
        "children": [{"name": "b", "children": [], "by_name": {}}],
        "parent": {"name": "c", "children": [], "by_name": {}},
        "by_name": {"d": {"trees": [{"name": "e", "children": [], "by_name": {}}]}},
    });
    vec![
        (
            "numbers",
            json!({
                "tiny": 255, "small": -32768, "middle": -2147483648, "large": i64::MIN, "natural": u64::MAX,
                "huge": -1, "limited": 9, "positive": 1, "share": 0.5, "half": 1.5, "truth": true,
            }),
        ),
        (
            "texts",
            json!({
                "name": "äöü", "address": "a@example.com", "word": "abc", "letter": "x", "bytes": "AP8=", "list": ["a"],
            }),
        ),
        (
            "texts",
            json!({
                "name": "ab", "address": "a@example.com", "word": "abc", "letter": "ß", "bytes": "AAECAw==", "list": [],
            }),
        ),
        ("wire", wire),
        (
            "absent",
            json!({ "nullable": null, "list": [1, null], "map": {"a": null} }),
        ),
        (
            "absent",
            json!({
                "option": "x", "nullable": 1, "both": {"n": 1}, "leaf": {"n": 2}, "date": "2026-11-21", "list": [],
                "map": {"a": {"n": 1}}, "defaulted": [1], "seven": 8,
            }),
        ),
        (
            "absent",
            json!({ "nullable": null, "both": null, "leaf": null, "date": null, "list": [], "map": {} }),
        ),
        (
            "collections",
            json!({
                "pair": [1, "a"], "three": [1, 2, 3], "by_number": {"-7": {"n": 1}}, "by_natural": {"7": "a"},
                "by_text": {"a": [{"n": 1}]}, "by_date": {"2026-11-21": 1}, "nested": [[[1, {"n": 1}], [2, null]]],
                "unit": null,
            }),
        ),
        (
            "enums",
            json!({
                "color": "red",
                "externals": ["Unit", {"Newtype": 1}, {"Tuple": [1, "a"]}, {"Fields": {"n": 1, "leaf": {"n": 2}}}],
                "internals": [{"kind": "Unit"}, {"kind": "Leaf", "n": 1}, {"kind": "Fields", "text": "a"}, {"kind": "Fields"}],
                "adjacents": [{"kind": "unit"}, {"kind": "newtype", "content": "2026-11-21"}, {"kind": "fields", "content": {"n": 1}}],
                "untagged": [1, "a", {"n": 1}, [{"n": 1}]],
            }),
        ),
        ("external", json!({"Fields": {"n": 1, "leaf": {"n": 2}}})),
        ("internal", json!({"kind": "Leaf", "n": 1})),
        ("adjacent", json!({"kind": "fields", "content": {"n": 1}})),
        ("untagged", json!({"n": 1})),
        (
            "flat",
            flat(
                json!({"shape": "Circle", "radius": 1.5}),
                json!({"word": "a"}),
            ),
        ),
        (
            "flat",
            flat(json!({"shape": "Square", "side": 2.5}), json!({})),
        ),
        ("flat_map", json!({"own": 1, "a": 2, "b": 3})),
        ("tree", tree.clone()),
        (
            "named",
            json!({
                "leaf": {"n": 1}, "other": {"color": "red"}, "page": {"entries": [{"n": 1}]},
                "other_page": {"entries": [{"color": "red"}], "next": "a"}, "newtype": 1.5, "type": "x", "old": "y",
            }),
        ),
        ("map", json!({"a": [1], "b": null})),
        ("value", json!({"a": [1], "b": null})),
        ("page", json!({"entries": [tree]})),
        ("unit", json!({})),
    ]
}

#[tokio::test]
async fn requests_that_are_taken_and_their_answers_fit_the_schemas() {
    let document = document(&*COMPONENT);
    let router = soa_http::router(COMPONENT.clone()).unwrap();
    let mut claims = Vec::new();
    for (action, body) in bodies() {
        let path = format!("/{action}");
        let answer = send(&router, &format!("POST {path}"), Some(body.clone())).await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        claims.push(Claim {
            place: request_at(&path, "post"),
            value: body,
        });
        claims.push(Claim {
            place: answer_at(&path, "post", 200),
            value: answer.json(),
        });
    }
    let findings = findings(&document, &claims);
    let mistakes: Vec<String> = findings.values.concat();
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

/// The schema and the service refuse the same, so the schemas are not merely loose.
#[tokio::test]
async fn requests_that_do_not_fit_the_schemas_are_refused_and_the_refusals_fit_theirs() {
    let document = document(&*COMPONENT);
    let router = soa_http::router(COMPONENT.clone()).unwrap();
    let changed = |action: &str, key: &str, value: Json| {
        let found = bodies().into_iter().find(|(name, _)| *name == action);
        let (_, mut body) = found.unwrap();
        body[key] = value;
        (action.to_owned(), body)
    };
    let wrong = [
        changed("numbers", "tiny", json!(256)),
        changed("numbers", "natural", json!(-1)),
        changed("numbers", "limited", json!(10)),
        changed("numbers", "positive", json!(0)),
        changed("numbers", "share", json!(2)),
        changed("texts", "name", json!("a")),
        changed("texts", "name", json!("abcdef")),
        changed("texts", "word", json!("A")),
        changed("texts", "list", json!(["a", "b", "c", "d"])),
        changed("wire", "date", json!("tomorrow")),
        changed("absent", "nullable", json!("x")),
        changed("absent", "list", json!(null)),
        changed("collections", "pair", json!([1])),
        changed("collections", "by_number", json!({"x": {"n": 1}})),
        changed("enums", "color", json!("pink")),
        changed("enums", "externals", json!([{"Nothing": 1}])),
        changed("enums", "internals", json!([{"kind": "Nothing"}])),
        changed("flat", "shape", json!("Triangle")),
        changed("tree", "children", json!([{"name": 1}])),
    ];
    let (mut requests, mut refusals) = (Vec::new(), Vec::new());
    for (action, body) in wrong {
        let path = format!("/{action}");
        let answer = send(&router, &format!("POST {path}"), Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{action}: {body}");
        refusals.push(Claim {
            place: answer_at(&path, "post", 422),
            value: answer.json(),
        });
        requests.push(Claim {
            place: request_at(&path, "post"),
            value: body,
        });
    }
    let found = findings(&document, &refusals).values.concat();
    assert_eq!(found, [""; 0]);
    for (claim, found) in requests.iter().zip(findings(&document, &requests).values) {
        assert!(!found.is_empty(), "{claim:?} fits");
    }
}
