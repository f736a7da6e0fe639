//! Middleware that settings name.

use std::sync::{Arc, Mutex};

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use soa::middleware::{ActionStage, Next, from_fn};
use soa::settings::{KnownMiddleware, NoSection, Settings, SettingsError};
use soa::{ActionCall, Client, LocalTransport, ServerBuilder, value};

use crate::support::{Shop, server};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Note {
    #[garde(length(min = 1))]
    text: String,
    #[garde(skip)]
    #[serde(default)]
    api_key: Option<String>,
}

type Notes = Arc<Mutex<Vec<String>>>;

/// What is shipped, and one that notes when it is passed.
fn known(notes: &Notes) -> KnownMiddleware {
    let notes = Arc::clone(notes);
    KnownMiddleware::shipped().server("note", move |note: Note, server| {
        if note.text == "broken" {
            return Err("it is broken".into());
        }
        drop(note.api_key);
        Ok(noting(server, &notes, note.text))
    })
}

fn noting(server: ServerBuilder, notes: &Notes, text: String) -> ServerBuilder {
    let notes = Arc::clone(notes);
    server.action_middleware(from_fn(move |call: ActionCall, next: Next<ActionStage>| {
        notes.lock().unwrap().push(text.clone());
        next.run(call)
    }))
}

fn load(known: KnownMiddleware, toml: &str) -> Result<Settings, SettingsError> {
    Settings::<NoSection>::loader()
        .middleware(known)
        .defaults(toml)
        .load()
}

#[tokio::test]
async fn it_runs_in_its_order_around_what_the_program_has() {
    let notes = Notes::default();
    let settings = load(
        known(&notes),
        r#"
        [server]
        middleware = [
            { name = "note", text = "first" },
            { name = "logging", success_level = "debug", redact = ["medical_record"] },
            { name = "note", text = "second" },
        ]
        "#,
    )
    .unwrap();
    let builder = noting(server(Shop::default()), &notes, "program".to_owned());
    let builder = settings.server.apply(builder).unwrap();
    let server = noting(builder, &notes, "later".to_owned()).build().unwrap();
    let client = Client::builder().service("shop", LocalTransport::new(server));
    let client = client.build().unwrap();
    client
        .call_action("shop", "pay", &value!({}))
        .await
        .unwrap();
    assert_eq!(
        *notes.lock().unwrap(),
        ["first", "second", "program", "later"]
    );
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let error = load(
        known(&Notes::default()),
        r#"
server.middleware = [
    { name = "loging" },
    { name = "logging", sucess_level = "info", length = "much" },
    { name = "note" },
    { name = "note", text = "" },
    { name = "retry" },
    { level = "info" },
]
client_middleware = [
    { name = "retry", attempts = 0, pause = "5 weeks" },
    { name = "circuit_breaker", failure_rate = 2 },
    { name = "result_cache", max_entries = 10 },
]
"#,
    )
    .unwrap_err();
    let missing = "the program's defaults:8: `server.middleware[5].name`: the key is missing; expected `logging`, `note` or `record`";
    assert!(error.to_string().contains(missing), "{error}");
    let error = load(
        known(&Notes::default()),
        r#"
server.middleware = [
    { name = "loging" },
    { name = "logging", sucess_level = "info", length = "much" },
    { name = "note" },
    { name = "note", text = "" },
    { name = "retry" },
]
client_middleware = [
    { name = "retry", attempts = 0, pause = "5 weeks" },
    { name = "circuit_breaker", failure_rate = 2 },
    { name = "result_cache", max_entries = 10 },
]
"#,
    )
    .unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[test]
fn what_cannot_be_made_is_told_when_the_server_is() {
    let settings = load(
        known(&Notes::default()),
        r#"server.middleware = [{ name = "note", text = "broken" }]"#,
    )
    .unwrap();
    let error = settings.server.apply(server(Shop::default())).unwrap_err();
    assert_eq!(error.to_string(), "it is broken");
}

#[test]
fn clients_have_theirs_too() {
    let settings = load(
        KnownMiddleware::shipped(),
        r#"
        client_middleware = [
            { name = "logging", bodies = false },
            { name = "result_cache", context_keys = ["locale"] },
            { name = "retry", attempts = 5, attempt_timeout = "1s", codes = ["BUSY"] },
            { name = "circuit_breaker", open_for = "2s" },
        ]
        "#,
    )
    .unwrap();
    let client = settings.client().unwrap().build().unwrap();
    assert!(
        format!("{client:?}").contains("middleware: 4"),
        "{client:?}"
    );
}

#[test]
fn secrets_among_its_settings_are_not_printed() {
    let text = Settings::<NoSection>::loader()
        .middleware(known(&Notes::default()))
        .defaults(r#"server.middleware = [{ name = "note", text = "a", api_key = "abc" }]"#)
        .print()
        .unwrap();
    assert!(
        text.contains(r#"text = "a""#) && !text.contains("abc"),
        "{text}"
    );
}
