//! Recordings that are replayed against a service in the test's own process.

use soa::testing::Recording;
use soa::{ActionError, service};

#[soa::body]
struct Number {
    number: i64,
}

#[soa::body]
struct Squared {
    square: i64,
}

/// A calculator that may be wrong.
struct Calculator {
    error: i64,
}

#[service(name = "calculator", version = "1.0.0")]
impl Calculator {
    #[action(idempotent)]
    async fn square(&self, request: Number) -> Result<Squared, ActionError> {
        if request.number == 0 {
            return Err(ActionError::caller("NOTHING", "There is nothing to square"));
        }
        Ok(Squared {
            square: request.number * request.number + self.error,
        })
    }
}

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/recordings/calculator.jsonl"
);

#[tokio::test]
async fn a_service_that_answers_as_recorded_passes() {
    let report =
        soa::testing::replay!("tests/recordings/calculator.jsonl", Calculator { error: 0 },);
    assert_eq!((report.records, report.same), (2, 2));
}

#[tokio::test]
async fn a_service_that_answers_otherwise_fails_with_the_field() {
    let recording = Recording::in_file(FILE);
    let failed = recording.replay(Calculator { error: 1 }).await.unwrap_err();
    let text = failed.to_string();
    for part in [
        "calculator.jsonl: the service does not answer as it was recorded",
        "2 records: 2 sent, 0 as recorded, 2 differ",
        "calculator.square: `square` changed in 2 of 2 calls",
        "recorded 144\n    now      145   (line 1, and other values in others)",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let report = soa::testing::replay!(FILE, Calculator { error: 1 }, ignore = ["square"]);
    assert_eq!(report.same, 2);
}

#[tokio::test]
async fn a_field_of_each_request_is_set() {
    let recording = Recording::in_file(FILE).fields([("number", 0)]);
    let failed = recording.replay(Calculator { error: 0 }).await.unwrap_err();
    let text = failed.to_string();
    assert!(
        text.contains("NOTHING: There is nothing to square"),
        "{text}"
    );
}

#[tokio::test]
async fn a_recording_that_has_nothing_for_the_service_fails() {
    let other = soa::Server::untyped("other", "1.0.0");
    let failed = Recording::in_file(FILE).replay(other).await.unwrap_err();
    let text = failed.to_string();
    assert!(
        text.contains("no record of the service `other`: they are of calculator"),
        "{text}"
    );
    let nowhere = Recording::in_file("/nowhere");
    let missing = nowhere.replay(Calculator { error: 0 });
    assert!(
        missing
            .await
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    let wrong = Recording::in_file(FILE).ignore(["a..b"]);
    let failed = wrong.replay(Calculator { error: 0 }).await.unwrap_err();
    assert!(failed.to_string().contains("empty part"));
}
