//! What is shown of settings: those that result, their schema, and the page about them.

use soa_runtime::settings::Settings;

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
        "How the service is served."
    );
}
