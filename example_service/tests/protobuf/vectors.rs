//! The captured exchanges of the dispatch channels: the same bytes in, the same bytes out.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Request;
use serde_json::Value as Json;

use super::{Answer, send};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aspyx/vectors")
}

/// Returns a captured text.
pub(crate) fn captured(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// A captured exchange.
pub(crate) struct Exchange {
    pub(crate) json: Json,
}

/// Returns the exchanges of a channel.
pub(crate) fn exchanges(channel: &str) -> Vec<Exchange> {
    let files = std::fs::read_dir(folder()).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let is_exchange = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    };
    let mut files: Vec<PathBuf> = files.filter(is_exchange).collect();
    files.sort();
    let exchanges = files.iter().map(|path| Exchange {
        json: serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
    });
    exchanges
        .filter(|exchange| exchange.text("channel") == channel)
        .collect()
}

impl Exchange {
    fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_default()
    }

    /// Returns the body of the request or of the response.
    pub(crate) fn bytes_of(&self, side: &str) -> Vec<u8> {
        match self.json[side]["body_file"].as_str() {
            Some(file) => std::fs::read(folder().join(file)).unwrap(),
            None => Vec::new(),
        }
    }

    fn status(&self) -> u16 {
        let status = self.json["response"]["status"].as_u64().unwrap();
        status.try_into().unwrap()
    }

    async fn replay(&self) -> Answer {
        let request = &self.json["request"];
        let mut builder = Request::builder()
            .method(request["method"].as_str().unwrap())
            .uri(request["target"].as_str().unwrap());
        for (name, value) in request["headers"].as_object().unwrap() {
            builder = builder.header(name, value.as_str().unwrap());
        }
        let body = Body::from(self.bytes_of("request"));
        send(builder.body(body).unwrap()).await
    }
}

#[tokio::test]
async fn protobuf_is_answered_byte_for_byte_as_by_the_reference() {
    let exchanges = exchanges("dispatch-protobuf");
    assert_eq!(exchanges.len(), 10);
    for exchange in exchanges {
        let name = exchange.text("name");
        let captured = (exchange.status(), exchange.bytes_of("response"));
        let expected = match (name, exchange.text("soa_server")) {
            (_, "same") => captured,
            // A client of the reference takes an empty answer for an exception.
            ("27_protobuf_nothing", _) => (200, vec![0x0a, 0]),
            // It does not look at the exception beside a list.
            ("30_protobuf_fail_list", _) => (500, captured.1),
            (_, other) => panic!("{name}: {other}"),
        };
        let answer = exchange.replay().await;
        assert_eq!((answer.status, answer.body.to_vec()), expected, "{name}");
        assert_eq!(answer.content_type, "application/x-protobuf", "{name}");
    }
}

#[tokio::test]
async fn json_and_msgpack_are_answered_byte_for_byte_as_by_the_reference() {
    let exchanges = [exchanges("dispatch-json"), exchanges("dispatch-msgpack")];
    assert_eq!(exchanges.each_ref().map(Vec::len), [15, 6]);
    for exchange in exchanges.into_iter().flatten() {
        let name = exchange.text("name");
        let answer = exchange.replay().await;
        assert_eq!(answer.status, 200, "{name}");
        let content_type = exchange.json["request"]["headers"]["content-type"]
            .as_str()
            .unwrap();
        let content_type = content_type.split(';').next().unwrap();
        assert_eq!(answer.content_type, content_type, "{name}");
        let body = &*answer.body;
        let shown = String::from_utf8_lossy(body).into_owned();
        match (name, exchange.text("soa_server")) {
            (_, "same") => assert_eq!(body, exchange.bytes_of("response"), "{name}: {shown}"),
            // The reference loses digits.
            ("10_json_a_decimal", _) => {
                assert_eq!(shown, r#"{"result":"12.30","exception":null}"#);
            }
            ("12_json_wrong_type", _) => {
                let exception = r#"{"result":null,"exception":"value: Not an integer","errors":[{"code":"INVALID","#;
                assert!(shown.starts_with(exception), "{shown}");
            }
            ("13_json_unknown_method", _) => {
                let exception = r#"{"result":null,"exception":"method: The service `example` has no method `nope`""#;
                assert!(shown.starts_with(exception), "{shown}");
            }
            // The reference compares the content type as text.
            ("14_json_charset", _) => assert_eq!(shown, r#"{"result":"x","exception":null}"#),
            // Its clients take an empty exception for a success.
            ("20_msgpack_fail_empty", _) => {
                assert_eq!(
                    body, b"\x82\xa6result\xc0\xa9exception\xa6RAISED",
                    "{shown}"
                );
            }
            ("21_msgpack_a_uuid", _) => {
                let result = b"\x82\xa6result\xd9\x2412345678-1234-5678-1234-567812345678";
                assert!(body.starts_with(result), "{shown}");
            }
            (_, other) => panic!("{name}: {other}"),
        }
    }
}
