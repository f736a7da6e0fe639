//! REST: where each field comes from, and what is told when one is wrong.

use serde_json::json;

use crate::support::{call, doors};

#[tokio::test]
async fn every_wrong_field_is_told_with_its_place() {
    let doors = doors();
    let answer = call(&doors, "GET", "/example/search?limit=x&exact=perhaps", "").await;
    assert_eq!(answer.status, 422);
    let detail = answer.json()["detail"].clone();
    let places: Vec<_> = detail
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["loc"])
        .collect();
    assert_eq!(
        places,
        [
            &json!(["query", "text"]),
            &json!(["query", "limit"]),
            &json!(["query", "exact"])
        ]
    );
    let kinds: Vec<_> = detail
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["type"])
        .collect();
    assert_eq!(
        kinds,
        [
            &json!("missing"),
            &json!("int_parsing"),
            &json!("bool_parsing")
        ]
    );

    let body = r#"{"id": "x", "tags": [{"key": 5}]}"#;
    let answer = call(&doors, "POST", "/example/items/seven?dry_run=2", body).await;
    let detail = answer.json()["detail"].clone();
    let places: Vec<_> = detail
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["loc"].clone())
        .collect();
    for place in [
        json!(["path", "id"]),
        json!(["query", "dry_run"]),
        json!(["body", "id"]),
        json!(["body", "name"]),
        json!(["body", "tags", 0, "key"]),
    ] {
        assert!(places.contains(&place), "{place} is not in {places:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_missing_or_no_json_is_told() {
    let doors = doors();
    let answer = call(&doors, "POST", "/example/items", "").await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body"]));
    let answer = call(&doors, "POST", "/example/items", "{\"id\": 1,").await;
    let detail = &answer.json()["detail"][0];
    assert_eq!(
        (answer.status, &detail["type"]),
        (422, &json!("json_invalid"))
    );
    assert_eq!(detail["loc"][0], "body");
}

#[tokio::test]
async fn values_in_paths_are_decoded_after_the_route_is_found() {
    let doors = doors();
    for (path, name) in [
        ("a%2Fb", "a/b"),
        ("%3Fx%23", "?x#"),
        ("50%", "50%"),
        ("w%C3%B6", "wö"),
    ] {
        let answer = call(&doors, "GET", &format!("/example/hello/{path}"), "").await;
        assert_eq!(answer.json(), format!("hello {name}"), "{path}");
    }
    let answer = call(&doors, "GET", "/example/hello/%FF", "").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let doors = doors();
    for path in ["/example/sum/1/2", "/example/sum/1/2/"] {
        assert_eq!(call(&doors, "GET", path, "").await.json(), 3);
    }
}

#[tokio::test]
async fn unknown_paths_methods_and_types_have_their_statuses() {
    let doors = doors();
    let answer = call(&doors, "DELETE", "/example/search", "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.json(), json!({ "detail": "Method Not Allowed" }));
    assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS");
    let answer = call(&doors, "OPTIONS", "/example/items/4", "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["allow"], "DELETE, OPTIONS, PATCH, POST, PUT");
    let answer = call(&doors, "HEAD", "/example/sum/1/2", "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.headers["content-length"], "1");
    let request = axum::http::Request::post("/example/items").header("content-type", "text/xml");
    let request = request.body(axum::body::Body::from("<item/>")).unwrap();
    assert_eq!(crate::support::send(&doors, request).await.status, 415);
}

#[tokio::test]
async fn errors_of_the_service_have_their_status_and_their_headers() {
    let doors = doors();
    let answer = call(&doors, "GET", "/example/expired", "").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "detail": "the token has expired" }));
    let told = answer.headers["www-authenticate"].to_str().unwrap();
    assert!(
        told.contains("invalid_token") && told.contains("expired"),
        "{told}"
    );
    let answer = call(&doors, "GET", "/example/boom", "").await;
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("boom"), "{}", answer.text());
}

#[tokio::test]
async fn lists_words_and_defaults_come_by_the_query() {
    let doors = doors();
    let many = call(
        &doors,
        "GET",
        "/example/many?values=1&values=2&values=7.0",
        "",
    )
    .await;
    assert_eq!(many.json(), json!([1, 2, 7]));
    for word in ["true", "1", "on", "YES", "t", "y"] {
        let found = call(
            &doors,
            "GET",
            &format!("/example/search?text=a&exact={word}"),
            "",
        )
        .await;
        assert_eq!(
            found.json(),
            json!({ "text": "a", "limit": 10, "exact": true }),
            "{word}"
        );
    }
    let none = call(&doors, "GET", "/example/optional", "").await;
    assert_eq!((none.status, &*none.text()), (200, "null"));
    let nothing = call(&doors, "GET", "/example/nothing", "").await;
    assert_eq!((nothing.status, &*nothing.text()), (200, "null"));
    let touched = call(&doors, "POST", "/example/touch/4", "{}").await;
    assert_eq!(touched.json(), 4);
}
