//! Calls whose answers were not captured: errors, defaults, types without a form of their own, and forms of numbers.

use axum::body::Body;
use axum::http::Request;
use prost::encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{self, Answer, doors};

async fn send(request: Request<Body>) -> Answer {
    support::send(&doors(), request).await
}

/// Calls a method by protobuf.
async fn call(method: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/invoke")
        .header("content-type", "application/x-protobuf")
        .header("x-rpc-method", method);
    send(request.body(body.into()).unwrap()).await
}

const EXAMPLE: &str = "example-component:example:";

async fn example(method: &str, body: &[u8]) -> Answer {
    call(&format!("{EXAMPLE}{method}"), body.to_vec()).await
}

/// Returns a field of text.
fn text(number: u32, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encoding::string::encode(number, &text.to_owned(), &mut out);
    out
}

/// Asserts that a call is answered with an exception.
fn assert_exception(answer: &Answer, status: u16, exception: &str) {
    let shown = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.body, text(2, exception), "{shown}");
    assert_eq!(answer.status, status, "{shown}");
    assert_eq!(answer.content_type(), "application/x-protobuf");
    let reason = (status == 500).then_some(exception);
    assert_eq!(answer.reason.as_deref(), reason);
}

#[tokio::test]
async fn an_exception_beside_a_list_or_a_message_is_the_reason_of_a_500() {
    let boom = text(1, "boom");
    assert_exception(&example("fail", &boom).await, 200, "boom");
    assert_exception(&example("fail_list", &boom).await, 500, "boom");
    assert_exception(&example("fail_point", &boom).await, 500, "boom");
    // It is a line of ASCII.
    let answer = example("fail_list", &text(1, "größer\r\nas 5")).await;
    assert_eq!(answer.reason.as_deref(), Some("gr??er  as 5"));
    let answer = example("fail_list", &text(1, &"a".repeat(5000))).await;
    assert_eq!(answer.reason.unwrap().len(), 1024);
    // An empty exception would be none.
    assert_exception(&example("fail", &text(1, "")).await, 200, "RAISED");
}

/// In process, the phrase is only an extension of the response.
#[tokio::test]
async fn the_reason_of_a_500_is_in_the_first_line_of_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, doors()).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n\
        x-rpc-method: example-component:example:fail_list\r\ncontent-length: 6\r\nconnection: close\r\n\r\n\
        \x0a\x04boom";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let shown = String::from_utf8_lossy(&answer);
    assert!(shown.starts_with("HTTP/1.1 500 boom\r\n"), "{shown}");
    assert!(answer.ends_with(b"\r\n\r\n\x12\x04boom"), "{shown}");
    server.abort();
}

#[tokio::test]
async fn unknown_methods_are_a_500_that_names_them() {
    let unknown = |problem: &str| format!("method: {problem}");
    let answer = example("nope", b"").await;
    assert_exception(
        &answer,
        500,
        &unknown("The service `example` has no method `nope`"),
    );
    let answer = call("example-component:nobody:add", "").await;
    let problem = "There is no service `nobody` in the component `example-component`";
    assert_exception(&answer, 500, &unknown(problem));
    let answer = call("add", "").await;
    let problem = "The method id `add` is not `component:service:method`";
    assert_exception(&answer, 500, &unknown(problem));
    let request = Request::post("/invoke").header("content-type", "application/x-protobuf");
    let answer = send(request.body(Body::empty()).unwrap()).await;
    let problem = "x-rpc-method: the method id is missing, as `component:service:method`";
    assert_exception(&answer, 500, problem);
    // Clients may know the component by another name.
    assert_eq!(
        call("another:default-named:ping", "").await.body,
        text(1, "pong")
    );
}

#[tokio::test]
async fn a_body_that_is_not_protobuf_is_a_400_in_words() {
    let answer = example("add", b"\x08").await;
    assert_eq!(
        (answer.status, answer.content_type()),
        (400, "text/plain; charset=utf-8")
    );
    let said = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(said.starts_with("The body cannot be decoded: "), "{said}");
}

#[tokio::test]
async fn absent_arguments_have_their_defaults_and_others_are_all_named() {
    assert_eq!(example("add", b"\x08\x01").await.body, &b"\x08\x0b"[..]);
    assert_eq!(
        example("add", b"\x08\x01\x10\x02").await.body,
        &b"\x08\x03"[..]
    );
    assert_exception(&example("add", b"\x10\x02").await, 200, "a: Missing key: a");
    assert_exception(
        &example("scalars", b"").await,
        500,
        "i: Missing key: i; f: Missing key: f; b: Missing key: b; s: Missing key: s",
    );
    let answer = example("scalars", b"\x0a\x01x\x15\0\0\x20\x40").await;
    let problems =
        "i: expected int32, found bytes with their length; b: Missing key: b; s: Missing key: s";
    assert_exception(&answer, 500, problems);
    assert_exception(
        &example("add", b"\x08\x80\x80\x80\x80\x80\x01").await,
        200,
        "a: 34359738368 does not fit into 32 bits",
    );
}

#[tokio::test]
async fn an_absent_message_is_an_empty_one_and_what_it_lacks_is_named_with_its_path() {
    let mut node = text(1, "n");
    node.splice(..0, [0x0a, 3]);
    assert_exception(
        &example("echo_node", &node).await,
        500,
        "node.at.x: Missing key: x; node.at.y: Missing key: y",
    );
    assert_exception(
        &example("echo_node", b"").await,
        500,
        "node.label: Missing key: label; node.at.x: Missing key: x; node.at.y: Missing key: y",
    );
    // Lists, optional fields and defaults are what they are.
    let item = example("echo_item", b"\x0a\x05\x08\x01\x12\x01a").await;
    assert_eq!(item.body, &b"\x0a\x0a\x08\x01\x12\x01a\x1d\0\0\xc0\x3f"[..]);
    let moved = example("move", b"\x10\x01\x18\x01").await;
    assert_eq!((moved.status, &*moved.body), (200, &b""[..]));
}

#[tokio::test]
async fn a_sum_that_does_not_fit_is_an_exception() {
    let most = b"\x08\xff\xff\xff\xff\x07";
    let answer = example("add", &[&most[..], b"\x10\x00"].concat()).await;
    assert_eq!(answer.body, &most[..]);
    let answer = example("add", &[&most[..], b"\x10\x01"].concat()).await;
    assert_exception(&answer, 200, "result: 2147483648 does not fit into 32 bits");
}

#[tokio::test]
async fn types_without_a_form_of_their_own_are_texts() {
    for (method, content) in [
        ("echo_datetime", "2024-01-02T03:04:05.678901"),
        ("echo_decimal", "12.30"),
        ("echo_uuid", "12345678-1234-5678-1234-567812345678"),
        ("echo_color", "red"),
    ] {
        let content = text(1, content);
        assert_eq!(example(method, &content).await.body, content, "{method}");
    }
    assert_eq!(
        example("a_datetime", b"").await.body,
        text(1, "2024-01-02T03:04:05.678901")
    );
    assert_eq!(example("a_decimal", b"").await.body, text(1, "12.30"));
    assert_eq!(example("a_color", b"").await.body, text(1, "green"));
    let answer = example("echo_datetime", &text(1, "yesterday")).await;
    let problem = r#"value: expected a date-time without zone such as "2026-11-21T08:30:00", found "yesterday""#;
    assert_exception(&answer, 200, problem);
    let answer = example("echo_color", &text(1, "blue")).await;
    assert!(String::from_utf8_lossy(&answer.body).contains("value: "));
}

#[tokio::test]
async fn optional_values_are_texts_or_nothing() {
    assert_eq!(example("maybe_str", b"").await.body, &b""[..]);
    assert_eq!(example("maybe_str", &text(1, "")).await.body, text(1, ""));
    assert_eq!(example("maybe_int", b"").await.body, &b""[..]);
    assert_eq!(example("maybe_point", b"").await.body, &b""[..]);
    let advice = "can only be nil by protobuf; use dispatch-json or dispatch-msgpack";
    let answer = example("maybe_int", &text(1, "5")).await;
    assert_exception(
        &answer,
        200,
        &format!("value: an optional integer {advice}"),
    );
    let answer = example("maybe_point", &text(1, "{}")).await;
    assert_exception(&answer, 200, &format!("value: an optional struct {advice}"));
    let answer = example("echo_map", &text(1, "{}")).await;
    assert_exception(&answer, 200, &format!("value: a map {advice}"));
    assert_exception(
        &example("echo_map", b"").await,
        200,
        "value: Missing key: value",
    );
}

#[tokio::test]
async fn nothing_and_an_undeclared_none_are_an_empty_text() {
    assert_eq!(example("nothing", b"").await.body, text(1, ""));
    let none = example(
        "untyped_result",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    )
    .await;
    assert_eq!(none.body, text(1, ""));
    let answer = example("untyped_result", b"\x08\x05").await;
    assert_exception(
        &answer,
        200,
        "result: expected a text, found integer; use dispatch-json or dispatch-msgpack",
    );
}

#[tokio::test]
async fn floats_have_32_bits_and_bytes_are_bytes() {
    let third = b"\x0d\xcd\xcc\xcc\x3d";
    assert_eq!(example("echo_float", third).await.body, &third[..]);
    for float in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0] {
        let bytes = [&[0x0d][..], &float.to_le_bytes()].concat();
        assert_eq!(example("echo_float", &bytes).await.body, bytes);
    }
    assert_eq!(
        example("echo_bytes", b"\x0a\x03\x00\xff\x80").await.body,
        &b"\x0a\x03\x00\xff\x80"[..]
    );
    assert_eq!(
        example("echo_strs", b"\x0a\x00\x0a\x01a").await.body,
        &b"\x0a\x00\x0a\x01a"[..]
    );
}

async fn json(method: &str, arguments: &str) -> String {
    let body = format!(r#"{{"method":"{EXAMPLE}{method}","args":{arguments},"id":7}}"#);
    let request =
        Request::post("/invoke").header("content-type", "Application/JSON; charset=UTF-8");
    let answer = send(request.body(body.into()).unwrap()).await;
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body.to_vec()).unwrap()
}

fn result(json: &str) -> String {
    format!(r#"{{"result":{json},"exception":null}}"#)
}

#[tokio::test]
async fn numbers_of_json_are_read_by_their_value_and_not_by_their_spelling() {
    assert_eq!(json("echo_float", "[3]").await, result("3.0"));
    assert_eq!(json("echo_int", "[2.0]").await, result("2"));
    assert_eq!(json("echo_int", "[2e3]").await, result("2000"));
    assert_eq!(json("echo_decimal", "[12.30]").await, result(r#""12.30""#));
    assert_eq!(
        json("echo_decimal", r#"["12.30"]"#).await,
        result(r#""12.30""#)
    );
    for (method, argument) in [
        ("echo_int", "1.5"),
        ("echo_int", r#""5""#),
        ("echo_int", "true"),
        ("echo_int", "9223372036854775808"),
        ("echo_str", "5"),
        ("echo_bool", "1"),
        ("echo_bool", r#""false""#),
        ("echo_float", r#""1""#),
    ] {
        let answer = json(method, &format!("[{argument}]")).await;
        assert!(
            answer.starts_with(r#"{"result":null,"exception":"value: "#),
            "{method}({argument}): {answer}"
        );
    }
}

#[tokio::test]
async fn what_json_does_not_have_is_an_exception_or_text() {
    assert_eq!(json("echo_bytes", r#"["AP8="]"#).await, result(r#""AP8=""#));
    let answer = json("echo_float", "[NaN]").await;
    assert!(
        answer.starts_with(r#"{"result":null,"exception":"The result cannot be encoded"#),
        "{answer}"
    );
    let answer = json("echo_bytes", r#"["no base64"]"#).await;
    assert!(
        answer.contains("value: expected bytes as base64"),
        "{answer}"
    );
}

#[tokio::test]
async fn arguments_of_json_may_be_left_out_at_the_end_and_not_be_too_many() {
    assert_eq!(json("add", "[1]").await, result("11"));
    let answer = json("add", "[]").await;
    assert!(
        answer.contains(r#""exception":"a: Missing key: a""#),
        "{answer}"
    );
    let answer = json("add", "[1,2,3]").await;
    assert!(
        answer.contains("`add` takes up to 2 arguments, but 3 were given"),
        "{answer}"
    );
    let answer = json("scalars", r#"["x",1,2,3]"#).await;
    assert!(
        answer.contains(r#""exception":"i: Not an integer; b: Not a boolean; s: Not a"#),
        "{answer}"
    );
}

#[tokio::test]
async fn codes_of_errors_are_told_to_those_who_ask() {
    let plain = r#"{"result":null,"exception":"boom"}"#;
    assert_eq!(json("fail", r#"["boom"]"#).await, plain);
    let body = format!(r#"{{"method":"{EXAMPLE}fail","args":["boom"]}}"#);
    let request = Request::post("/invoke")
        .header("content-type", "application/json")
        .header("x-soa-errors", "1");
    let answer = send(request.body(body.into()).unwrap()).await;
    let told = r#"{"result":null,"exception":"boom","errors":[{"code":"RAISED","message":"boom","field":null}]}"#;
    assert_eq!(answer.text(), told);
}

#[tokio::test]
async fn other_content_types_and_methods_are_refused_as_by_the_reference() {
    let request = Request::post("/invoke").header("content-type", "text/plain");
    let answer = send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.status, &*answer.body),
        (415, &b"Unsupported Content-Type"[..])
    );
    let answer = send(Request::get("/invoke").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 405);
    for body in ["", "[]", "{", "\"\u{fffd}"] {
        let request = Request::post("/invoke").header("content-type", "application/json");
        let answer = send(request.body(body.into()).unwrap()).await;
        assert_eq!(answer.status, 400, "{body}");
    }
}
