//! Output about settings: the effective ones, their schema, and the page of all keys.

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use soa_program::settings::{KnownMiddleware, Loader, Secret, Settings};

use crate::support::{Directory, Library};

#[test]
fn effective_settings_say_where_each_comes_from_and_keep_secrets() {
    let directory = Directory::new();
    let base = "[server]\nconcurrency = 8\n[server.transport.redis]\nhosts = ['a:1']\npassword = 'secret'\n\
                [service]\nshelf = 'A'\ntoken = 'secret'\nkept = ['novel']\n";
    let more = "client_routing:\n  users: {}\n  \"a.b\":\n    transport:\n      redis:\n        password: secret\n";
    let shown = Settings::<Library>::loader()
        .file(directory.file("base.toml", base))
        .file(directory.file("more.yaml", more))
        .variables([("SOA__SERVER__CONCURRENCY", "16")])
        .set("service.readers.service.name=x")
        .print()
        .unwrap();
    assert!(!shown.contains("= \"secret\""), "{shown}");
    insta::assert_snapshot!(directory.shorten(&shown));
}

#[test]
fn what_is_shown_can_be_read_again() {
    let directory = Directory::new();
    let shown = Settings::<Library>::loader()
        .set("service.shelf=a \"quoted\" one")
        .set("server.transport.redis.hosts=[::1]:7000")
        .print()
        .unwrap();
    let file = directory.file("a.toml", &shown);
    let settings = Settings::<Library>::loader().file(file).load().unwrap();
    assert_eq!(settings.service.shelf, "a \"quoted\" one");
}

#[test]
fn the_page_has_every_key_with_default_and_description() {
    insta::assert_snapshot!(Settings::<Library>::reference());
}

#[test]
fn the_schema_is_one_for_editors() {
    let schema: serde_json::Value = serde_json::from_str(&Settings::<Library>::schema()).unwrap();
    assert_eq!(schema["title"], "Settings");
    assert_eq!(schema["required"], serde_json::json!(["service"]));
    assert_eq!(
        schema["properties"]["server"]["description"],
        "Server that runs the service."
    );
}

/// Middleware of a program, with a secret under a name that does not say so.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
struct Stamp {
    /// Mark that is put under each request.
    ink: Secret,
    /// Any value.
    #[serde(default)]
    more: serde_json::Value,
}

fn stamped() -> Loader<Library> {
    let known = KnownMiddleware::shipped().client("stamp", |stamp: Stamp, client| {
        drop((stamp.ink, stamp.more));
        Ok(client)
    });
    Settings::<Library>::loader().middleware(known)
}

#[test]
fn secrets_of_a_programs_own_middleware_are_not_printed_whatever_their_names() {
    let shown = stamped()
        .set("service.shelf=A")
        .set(
            r#"client_middleware=[{"name": "stamp", "ink": "hunter2", "more": {"a": {"b": [1, {"c": null, "d": 2}]}, "password": "hunter2"}}]"#,
        )
        .print()
        .unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    let list = r#"client_middleware = [{ ink = "<redacted>", more = { a = { b = [1, { d = 2 }] }, password = "<redacted>" }, name = "stamp" }]"#;
    assert!(shown.contains(list), "{shown}");
    toml::from_str::<serde_json::Value>(&shown).unwrap();
}

#[test]
fn the_page_and_the_schema_know_the_settings_of_middleware() {
    let page = stamped().reference();
    for text in [
        "`client_middleware` with `name = \"stamp\"`",
        "| `ink` | text, which is never shown |  | Mark that is put under each request. |",
        "| `attempts` | an integer from 1 to 4294967295 | `3` | Largest number of attempts for a call, including the first. |",
        "`success_level`",
        "`failure_rate`",
        "`max_entries`",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    let schema: serde_json::Value = serde_json::from_str(&stamped().schema()).unwrap();
    let names = |list: &str| {
        let options = schema.pointer(&format!("/$defs/{list}/oneOf"));
        let options = options.unwrap().as_array().unwrap().iter();
        let names = options.map(|option| {
            assert_eq!(option["additionalProperties"], false, "{option}");
            assert_eq!(option["required"][0], "name");
            option["properties"]["name"]["const"].as_str().unwrap()
        });
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("ServerMiddleware"), ["logging", "record"]);
    let of_client = [
        "circuit_breaker",
        "logging",
        "result_cache",
        "retry",
        "stamp",
    ];
    assert_eq!(names("ClientMiddleware"), of_client);
    let of_route = &schema["$defs"]["RouteSettings"]["properties"]["middleware"]["items"];
    assert_eq!(of_route["$ref"], "#/$defs/ClientMiddleware");
}
