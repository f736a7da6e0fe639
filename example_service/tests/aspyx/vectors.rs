//! Exchanges that were captured from the reference.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value as Json;

use crate::support::{Answer, doors, folder, send};

pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) told: Json,
}

impl Vector {
    pub(crate) fn text(&self, path: &str) -> &str {
        self.told
            .pointer(path)
            .and_then(Json::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn body(&self, side: &str) -> Vec<u8> {
        let file = self.text(&format!("/{side}/body_file"));
        match file {
            "" => Vec::new(),
            file => std::fs::read(folder().join("vectors").join(file)).unwrap(),
        }
    }

    fn is_same(&self) -> bool {
        self.text("/soa_server") == "same"
    }
}

/// The vectors of the doors whose channel begins so, by their names.
pub(crate) fn vectors(channel: &str) -> Vec<Vector> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder().join("vectors")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".json") || name == "openapi.json" || name.contains("_consul_") {
            continue;
        }
        let told = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        found.insert(name, told);
    }
    let found = found.into_iter();
    let found = found.map(|(name, told)| Vector { name, told });
    found
        .filter(|vector| vector.text("/channel").starts_with(channel))
        .collect()
}

async fn replay(vector: &Vector) -> Answer {
    let router = doors();
    if vector.text("/channel") == "health" {
        let status = match &*vector.name {
            name if name.contains("warning") => "WARNING",
            name if name.contains("error") => "ERROR",
            _ => "OK",
        };
        let wanted: Json = serde_json::from_slice(&vector.body("response")).unwrap();
        let details = wanted.pointer("/checks/0/details").and_then(Json::as_str);
        let set = serde_json::json!({
            "method": "example-component:example:set_health",
            "args": [status, details.unwrap_or_default()],
        });
        let request = Request::post("/invoke").header("content-type", "application/json");
        let answer = send(&router, request.body(Body::from(set.to_string())).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let mut request = Request::builder()
        .method(vector.text("/request/method"))
        .uri(vector.text("/request/target"));
    let headers = vector
        .told
        .pointer("/request/headers")
        .and_then(Json::as_object);
    for (name, value) in headers.into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = Body::from(vector.body("request"));
    send(&router, request.body(body).unwrap()).await
}

/// JSON with each number as a float: numbers may be spelled differently.
fn without_spelling(json: &[u8]) -> String {
    fn normal(value: &mut Json) {
        match value {
            Json::Number(number) => *value = number.as_f64().into(),
            Json::Array(items) => items.iter_mut().for_each(normal),
            Json::Object(fields) => fields.values_mut().for_each(normal),
            _ => {}
        }
    }
    let mut value: Json = serde_json::from_slice(json).unwrap();
    normal(&mut value);
    // The order of keys counts.
    value.to_string()
}

#[tokio::test]
async fn captured_exchanges_are_answered_with_the_same_bytes() {
    let mut same = 0;
    let mut problems = Vec::new();
    for vector in vectors("").iter().filter(|vector| vector.is_same()) {
        let answer = replay(vector).await;
        let (status, body) = (answer.status, vector.body("response"));
        let wanted = vector
            .told
            .pointer("/response/status")
            .and_then(Json::as_u64);
        let is_json = answer.headers["content-type"]
            .as_bytes()
            .starts_with(b"application/json");
        let is_dispatch = vector.text("/channel").starts_with("dispatch");
        let is_same_body = match is_json && !is_dispatch && !body.is_empty() {
            true => without_spelling(&answer.body) == without_spelling(&body),
            false => answer.body == body,
        };
        let told = vector
            .told
            .pointer("/response/headers")
            .and_then(Json::as_object);
        for (name, value) in told.into_iter().flatten() {
            let found = answer
                .headers
                .get(name)
                .and_then(|found| found.to_str().ok());
            if found != value.as_str() {
                problems.push(format!(
                    "{}: header {name}: {found:?}, not {value}",
                    vector.name
                ));
            }
        }
        if Some(u64::from(status)) != wanted || !is_same_body {
            problems.push(format!(
                "{}: {status} {:?}\n    wanted {wanted:?} {:?}",
                vector.name,
                answer.text(),
                String::from_utf8_lossy(&body),
            ));
        }
        same += 1;
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(same, 34, "vectors that are marked as the same");
}

async fn answer_to(name: &str) -> Answer {
    let vectors = vectors("");
    let vector = vectors.iter().find(|vector| vector.name.starts_with(name));
    replay(vector.unwrap()).await
}

fn has_exception(answer: &Answer) -> bool {
    let exception = answer.json()["exception"].as_str().map(str::to_owned);
    answer.status == 200 && exception.is_some_and(|text| !text.is_empty())
}

#[tokio::test]
async fn where_the_reference_is_wrong_the_answer_is_right() {
    assert_eq!(answer_to("10_").await.json()["result"], "12.30");
    assert!(has_exception(&answer_to("12_").await));
    assert!(has_exception(&answer_to("13_").await));
    assert_eq!(answer_to("14_").await.status, 200);
    let empty = answer_to("20_").await;
    let empty: soa::Value = soa::codec::msgpack::from_slice(&empty.body).unwrap();
    let exception = empty.get("exception").and_then(soa::Value::as_str);
    assert!(exception.is_some_and(|text| !text.is_empty()), "{empty:?}");
    let id = answer_to("21_").await;
    let id: soa::Value = soa::codec::msgpack::from_slice(&id.body).unwrap();
    let id = id.get("result").and_then(soa::Value::as_str);
    assert_eq!(id, Some("12345678-1234-5678-1234-567812345678"));
    let nothing = answer_to("27_").await;
    assert_eq!((nothing.status, &*nothing.body), (200, &[0x0a, 0][..]));
    let list = answer_to("30_").await;
    assert_eq!(list.status, 500);
    assert!(list.text().contains("boom"), "{}", list.text());
    let optional = answer_to("34_").await;
    assert_eq!((optional.status, &*optional.text()), (200, "null"));
    let updated = answer_to("37_").await.json();
    assert_eq!(
        (&updated["id"], &updated["note"]),
        (&7.into(), &"dry".into())
    );
    let refused = answer_to("42_").await;
    assert_eq!(refused.status, 422);
    let detail = &refused.json()["detail"][0];
    assert_eq!(detail["loc"], serde_json::json!(["query", "times"]));
    assert!(detail["msg"].as_str().is_some_and(|text| !text.is_empty()));
}
