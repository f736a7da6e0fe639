//! Validation tells the same errors, in the same order and words, as the reference's.
//!
//! `validation_cases.json` has bodies for `validate_me`, encoded as MessagePack, and the errors that Conformity
//! 1.28.2 finds in them with the schema of the example service: `[code, message, field]`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

use example_service::ExampleService;
use soa::{ActionRequest, Body, ContextHeader, Control, Encoding, JobRequest, Server, Value};

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[tokio::test]
async fn every_body_gets_the_errors_that_the_reference_finds() {
    let server = Server::builder(ExampleService::new()).build().unwrap();
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("validation_cases.json")).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases.as_array().unwrap() {
        let bytes = unhex(case["body"].as_str().unwrap());
        let value: Value = soa::codec::msgpack::decode_value(&bytes).unwrap();
        let body = Body::from_bytes(Encoding::MessagePack, bytes.into());
        let request = ActionRequest::new("validate_me", body);
        let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![request]);
        let response = server.execute(job).await;
        let ours: Vec<serde_json::Value> = response.actions[0]
            .errors
            .iter()
            .map(|error| serde_json::json!([error.code, error.message, error.field]))
            .collect();
        if serde_json::Value::from(ours.clone()) != case["errors"] {
            wrong.push(format!(
                "{value:?}\n  ours {ours:?}\n  not  {}",
                case["errors"]
            ));
        }
        count += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 600, "{count}");
}
