//! A caller who means harm: messages made to cost a server more than they cost the caller.
//!
//! All of them are of at most 250 KB, which is what a server takes by default. The bounds on time are for a debug build on
//! a busy machine; what they tell apart is work that grows with the message, which takes milliseconds, and work that
//! grows with its square, which takes minutes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::wire::read_response;
use soa::{
    ActionError, Client, Context, Encoding, JobResponse, LocalTransport, Map, Server, Value, code,
    service, value,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Table {
    rows: BTreeMap<String, Vec<i64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
struct Names {
    #[garde(inner(custom(never)))]
    names: Vec<String>,
}

fn never(_: &str, _: &()) -> garde::Result {
    Err(garde::Error::new("is not a name"))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Either {
    Numbers {
        list: Vec<i64>,
        note: Option<i64>,
    },
    Texts {
        list: Vec<String>,
        note: Option<i64>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Choice {
    either: Either,
}

struct Target;

#[service(name = "target", version = "1.0.0")]
impl Target {
    #[action]
    async fn table(&self, body: Table) -> Result<Table, ActionError> {
        Ok(body)
    }

    #[action]
    async fn names(&self, body: Names) -> Result<Names, ActionError> {
        Ok(body)
    }

    #[action]
    async fn choice(&self, body: Choice) -> Result<Choice, ActionError> {
        Ok(body)
    }

    #[action]
    async fn forward(&self, body: Value, cx: &Context) -> Result<Value, ActionError> {
        Ok(cx.soa_client().call_action("echo", "echo", &body).await?)
    }
}

fn server() -> Server {
    let echo = || |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) };
    let other = Server::untyped("echo", "1.0.0")
        .action("echo", echo())
        .build()
        .unwrap();
    let client = Client::builder()
        .service("echo", LocalTransport::new(other))
        .build()
        .unwrap();
    Server::builder(Target)
        .client(client)
        .action("echo", echo())
        .build()
        .unwrap()
}

/// A request; each argument adds to what is there.
fn request(control: Map, context: Map, actions: Value) -> Value {
    let mut whole_control = Map::from([("continue_on_error", true)]);
    whole_control.extend(control);
    let mut whole_context = Map::from([
        ("correlation_id", Value::from("c")),
        ("switches", value!([])),
    ]);
    whole_context.extend(context);
    value!({
        "request_id": 7,
        "meta": { "client_version": [1, 4, 9], "reply_to": "service.target.client!1" },
        "body": { "control": whole_control, "context": whole_context, "actions": actions }
    })
}

fn echo() -> Value {
    value!([{ "action": "echo", "body": {} }])
}

fn call(action: &str, body: impl Into<Value>) -> Value {
    let body: Value = body.into();
    request(
        Map::new(),
        Map::new(),
        value!([{ "action": action, "body": body }]),
    )
}

fn frame(encoding: Encoding, request: &Value) -> Vec<u8> {
    let head = format!("pysoa-redis/3//content-type:{};", encoding.content_type());
    [head.into_bytes(), encoding.encode_value(request).unwrap()].concat()
}

/// So many short keys of text.
fn keys(count: usize) -> Map {
    let mut map = Map::new();
    for index in 0..count {
        map.push(format!("{index:x}"), Value::Nil);
    }
    map
}

struct Answered {
    response: JobResponse,
    length: usize,
}

impl Answered {
    fn errors(&self) -> usize {
        let of_actions = self
            .response
            .actions
            .iter()
            .map(|action| action.errors.len());
        self.response.errors.len() + of_actions.sum::<usize>()
    }
}

/// Answers a frame in time.
async fn answer(what: &str, frame: Vec<u8>) -> Answered {
    assert!(frame.len() <= 250_000, "{what}: {} bytes", frame.len());
    let server = server();
    let start = Instant::now();
    let answer = server.answer(frame.into()).await.expect(what);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(6), "{what}: {took:?}");
    let response = read_response(&answer.frame, &Default::default())
        .unwrap()
        .job;
    Answered {
        response,
        length: answer.frame.len(),
    }
}

#[tokio::test]
async fn many_keys_of_a_good_job_are_no_matter() {
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let many = || keys(18_000);
        let mut echoed = request(Map::new(), Map::new(), echo());
        echoed
            .as_map_mut()
            .unwrap()
            .get_mut("meta")
            .unwrap()
            .as_map_mut()
            .unwrap()
            .extend(many());
        for (what, request) in [
            ("control", request(many(), Map::new(), echo())),
            ("context", request(Map::new(), many(), echo())),
            (
                "context of a chained call",
                request(
                    Map::new(),
                    many(),
                    value!([{ "action": "forward", "body": {} }]),
                ),
            ),
            ("meta", echoed),
            ("body", call("echo", many())),
            (
                "body of a typed action",
                call(
                    "table",
                    Map::from([("rows", value!({}))])
                        .into_iter()
                        .chain(many())
                        .collect::<Map>(),
                ),
            ),
        ] {
            let answered = answer(what, frame(encoding, &request)).await;
            assert_eq!(answered.errors(), 0, "{what}: {:?}", answered.response);
        }
    }
}

#[tokio::test]
async fn many_keys_in_the_context_of_a_malformed_job_are_no_matter() {
    let request = request(
        Map::new(),
        keys(30_000)
            .into_iter()
            .chain([("caller".into(), 5.into())])
            .collect(),
        echo(),
    );
    assert_eq!(
        answer("context", frame(Encoding::MessagePack, &request))
            .await
            .errors(),
        1
    );
}

#[tokio::test]
async fn many_keys_in_the_control_of_a_malformed_job_are_no_matter() {
    let control = keys(30_000)
        .into_iter()
        .chain([("suppress_response".into(), 5.into())])
        .collect();
    let request = request(control, Map::new(), echo());
    assert_eq!(
        answer("control", frame(Encoding::MessagePack, &request))
            .await
            .errors(),
        1
    );
}

#[tokio::test]
async fn many_extra_keys_of_a_job_or_an_action_are_no_matter() {
    let mut job = request(Map::new(), Map::new(), echo());
    job.as_map_mut()
        .unwrap()
        .get_mut("body")
        .unwrap()
        .as_map_mut()
        .unwrap()
        .extend(keys(30_000));
    assert_eq!(
        answer("job", frame(Encoding::MessagePack, &job))
            .await
            .errors(),
        1
    );
    let action: Map = keys(30_000)
        .into_iter()
        .chain([("action".into(), "echo".into())])
        .collect();
    let job = request(Map::new(), Map::new(), value!([action]));
    assert_eq!(
        answer("action", frame(Encoding::MessagePack, &job))
            .await
            .errors(),
        1
    );
}

#[tokio::test]
async fn many_keys_of_a_body_that_are_no_text_are_no_matter() {
    let mut body = Map::new();
    for key in 0..50_000 {
        body.push(key, Value::Nil);
    }
    assert_eq!(
        answer("body", frame(Encoding::MessagePack, &call("echo", body)))
            .await
            .errors(),
        1000
    );
}

#[tokio::test]
async fn a_thousand_errors_are_enough_also_for_what_cannot_be_read() {
    let mut context = Map::new();
    for key in 0..20_000 {
        context.push(format!("{key:04x}"), "Z");
    }
    let mut frame = frame(Encoding::MessagePack, &request(Map::new(), context, echo()));
    frame
        .iter_mut()
        .filter(|byte| **byte == b'Z')
        .for_each(|byte| *byte = 0xff);
    let answered = answer("context", frame).await;
    assert!(answered.errors() <= 1000, "{}", answered.errors());
}

#[tokio::test]
async fn a_thousand_errors_are_enough_also_for_rules_of_the_users_own() {
    let names = vec![Value::from("x"); 50_000];
    let answered = answer(
        "names",
        frame(
            Encoding::MessagePack,
            &call("names", value!({ "names": (Value::List(names)) })),
        ),
    )
    .await;
    assert!(answered.errors() <= 1000, "{}", answered.errors());
}

#[tokio::test]
async fn a_long_key_is_not_repeated_in_the_path_of_every_error_below_it() {
    let rows = Map::from([("k".repeat(50_000), Value::List(vec!["x".into(); 1_000]))]);
    let frame = frame(
        Encoding::MessagePack,
        &call("table", value!({ "rows": rows })),
    );
    let asked = frame.len();
    let answered = answer("table", frame).await;
    assert!(answered.errors() > 0);
    assert!(
        answered.length < 20 * asked,
        "{asked} bytes asked, {} answered",
        answered.length
    );
}

#[tokio::test]
async fn many_actions_are_answered_with_as_much() {
    for action in ["echo", "unheard of"] {
        let actions: Vec<Value> = vec![value!({ "action": action }); 10_000];
        let frame = frame(
            Encoding::MessagePack,
            &request(Map::new(), Map::new(), Value::List(actions)),
        );
        let asked = frame.len();
        let answered = answer(action, frame).await;
        assert_eq!(answered.response.actions.len(), 10_000);
        assert!(
            answered.length < 20 * asked,
            "{asked} bytes asked, {} answered",
            answered.length
        );
    }
}

/// The limit of errors must not make a body that breaks the rules one that keeps them: behind `untagged`, serde takes a
/// nil for an absent key, and it is the schema that refuses it.
#[tokio::test]
async fn a_nil_is_refused_also_behind_more_errors_than_are_told() {
    for length in [1, 1500] {
        let list = Value::List(vec!["x".into(); length]);
        let body = value!({ "either": { "list": list, "note": nil } });
        let answered = answer(
            "choice",
            frame(Encoding::MessagePack, &call("choice", body)),
        )
        .await;
        assert!(
            answered.errors() > 0,
            "a list of {length} hides the nil behind it"
        );
    }
}

#[tokio::test]
async fn long_numbers_and_texts_are_no_matter() {
    let with = |content: &str| {
        let frame = frame(Encoding::Json, &call("echo", value!({ "x": "PLACE" })));
        String::from_utf8(frame)
            .unwrap()
            .replace("\"PLACE\"", content)
            .into_bytes()
    };
    for (what, content) in [
        ("an integer", "9".repeat(200_000)),
        ("a negative integer", format!("-{}", "9".repeat(200_000))),
        ("a float", format!("1.{}", "9".repeat(200_000))),
        (
            "a float with an exponent",
            format!("1e{}", "0".repeat(200_000)),
        ),
        ("many floats", format!("[{}1.0]", "1e400, ".repeat(30_000))),
        ("escapes", format!("\"{}\"", "\\u0001".repeat(40_000))),
        (
            "pairs of surrogates",
            format!("\"{}\"", "\\ud83d\\ude00".repeat(20_000)),
        ),
        ("spaces", format!("[{}]", " ".repeat(200_000))),
    ] {
        assert_eq!(
            answer(what, with(content.as_str())).await.errors(),
            0,
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_name_with_control_characters_is_a_name_that_nobody_knows() {
    let name = "x\r\nERROR: all is lost\u{1b}[2J\u{202e}\0";
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let answered = answer("name", frame(encoding, &call(name, value!({})))).await;
        let action = &answered.response.actions[0];
        assert_eq!(action.action, name);
        assert_eq!(action.errors[0].code, code::UNKNOWN);
    }
}
