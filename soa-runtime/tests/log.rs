//! Lines of the log that a server writes: about messages that it drops, and about errors whose text callers do not get.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

#[path = "support/log.rs"]
mod kept;

use bytes::Bytes;
use kept::Log;
use soa_runtime::{
    ActionError, ActionRequest, Body, Context, ContextHeader, Control, Encoding, JobRequest,
    Server, Value,
};

/// The lines that a frame leaves in a fresh log. Waits until the server may write again.
fn logged(frame: &[u8]) -> Vec<String> {
    std::thread::sleep(std::time::Duration::from_millis(1_050));
    let log = Log::default();
    let frame = Bytes::copy_from_slice(frame);
    let server = Server::untyped("logged", "1.0.0").build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tracing::subscriber::with_default(log.clone(), || {
        for _ in 0..100 {
            assert!(runtime.block_on(server.answer(frame.clone())).is_none());
        }
    });
    log.0.lock().unwrap().clone()
}

/// One test, because the limit of one line a second is the whole process's.
#[test]
fn a_flood_of_bad_messages_is_one_line_without_any_content_or_control_character() {
    let secret = b"content-type:application/json;{\"request_id\": 1, \"password\": \"swordfish\"";
    let forged = b"pysoa-redis/3//content-type:\r\n\nERROR_all_is_lost\n;\xc1";
    let version = b"pysoa-redis/4444444444444444444444444444444//\x1b[2J";
    for frame in [&secret[..], forged, version, b"\x1b[2J\r\nERROR", b""] {
        let lines = logged(frame);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            !lines[0].contains("swordfish") && lines[0].len() < 400,
            "{}",
            lines[0]
        );
        assert!(!lines[0].contains(char::is_control), "{:?}", lines[0]);
    }
}

#[test]
fn a_request_that_has_expired_is_one_line_that_says_by_how_much_and_names_the_clocks() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let expiry = now.unwrap().as_secs_f64() - 4.0;
    let request = format!(
        r#"pysoa-redis/3//content-type:application/json;{{"request_id": 1, "meta": {{"reply_to": "service.logged.a!1", "__expiry__": {expiry}}}, "body": {{}}}}"#
    );
    let lines = logged(request.as_bytes());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("WARN"), "{lines:?}");
    // The test waits a little before it sends.
    assert!(
        lines[0].contains("late=\"5.") || lines[0].contains("late=\"6."),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("expired") && lines[0].contains("clock"),
        "{lines:?}"
    );

    // An expiry that no duration reaches.
    let request = request.replace(&expiry.to_string(), "-1e300");
    let lines = logged(request.as_bytes());
    assert!(lines[0].contains("late=\"unknown\""), "{lines:?}");
}

#[test]
fn the_text_of_an_internal_error_is_in_the_log_under_the_id_that_the_caller_gets() {
    let log = Log::default();
    let server = Server::untyped("logged", "1.0.0")
        .action("panic", |_: Value, _: Context| async {
            panic!("no disk") as Result<Value, ActionError>
        })
        .action("fail", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::internal("no disk"))
        })
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for action in ["panic", "fail"] {
        let request = ActionRequest::new(action, Body::empty(Encoding::MessagePack));
        let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![request]);
        let response = tracing::subscriber::with_default(log.clone(), || {
            runtime.block_on(server.execute(job))
        });
        let error = &response.actions[0].errors[0];
        let id = error.variables.as_ref().and_then(|map| map.get("error_id"));
        let id = id.and_then(Value::as_str).unwrap();
        assert!(!error.message.contains("no disk"), "{error}");
        let lines = std::mem::take(&mut *log.0.lock().unwrap());
        let line = lines.iter().find(|line| line.contains(id));
        assert!(
            line.is_some_and(|line| line.contains("no disk")),
            "{lines:?}"
        );
    }
}
