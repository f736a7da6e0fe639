//! Sources of settings, and their precedence.

use std::time::Duration;

use soa_program::settings::{
    ClientTransportSettings, LogLevel, NoSection, Settings, TransportSettings,
};

use crate::support::{Directory, Kind, Library, Readers, of_file};

#[test]
fn all_settings_have_defaults() {
    let settings: Settings = Settings::<NoSection>::loader().load().unwrap();
    assert_eq!(settings.server.workers, 1);
    assert_eq!(settings.server.concurrency, None);
    assert_eq!(
        settings.server.shutdown_grace.get(),
        Duration::from_secs(30)
    );
    assert_eq!(settings.server.transport, TransportSettings::default());
    assert!(settings.client_routing.is_empty());
    assert_eq!(settings.logging.level, LogLevel::Info);
}

#[test]
fn toml_yaml_and_json_say_the_same() {
    let toml = "[server]\nconcurrency = 8\njob_timeout = '1m 30s'\n[server.transport.redis]\nhosts = ['a:1']\n\
                [service]\nshelf = 'A'\nkept = ['picture-book']\n[service.readers.service]\nname = 'x'\n\
                [client_routing.users]\ntimeout = 2.5";
    let yaml = "server:\n  concurrency: 8\n  job_timeout: 1m 30s\n  transport:\n    redis: {hosts: ['a:1']}\n\
                service:\n  shelf: A\n  kept: [picture-book]\n  readers:\n    service:\n      name: x\n\
                client_routing:\n  users:\n    timeout: 2.5\n";
    let json = r#"{"server": {"concurrency": 8, "job_timeout": 90, "transport": {"redis": {"hosts": ["a:1"]}}},
                "service": {"shelf": "A", "kept": ["picture-book"], "readers": {"service": {"name": "x"}}},
                "client_routing": {"users": {"timeout": 2.5}}}"#;
    for (name, text) in [
        ("a.toml", toml),
        ("a.yaml", yaml),
        ("a.yml", yaml),
        ("a.json", json),
    ] {
        let settings = of_file(name, text).unwrap();
        assert_eq!(settings.server.concurrency, Some(8), "{name}");
        let timeout = settings.server.job_timeout.unwrap();
        assert_eq!(timeout.get(), Duration::from_secs(90));
        let TransportSettings::Redis(redis) = &settings.server.transport else {
            panic!()
        };
        assert_eq!(redis.addresses(), "a:1");
        let library = &settings.service;
        assert_eq!((library.shelf.as_str(), library.books), ("A", 10));
        assert_eq!(library.kept, [Kind::PictureBook]);
        assert!(matches!(&library.readers, Some(Readers::Service { name }) if name == "x"));
        let timeout = settings.client_routing["users"].timeout.unwrap();
        assert_eq!(timeout.get(), Duration::from_millis(2500));
    }
}

#[test]
fn flags_beat_variables_beat_later_files_beat_earlier_ones_beat_the_program() {
    let directory = Directory::new();
    let text = |number: u32| format!("[server]\nconcurrency = {number}\n");
    let layers = |count: usize| {
        let mut loader = Settings::<NoSection>::loader().defaults(text(1) + "workers = 7");
        if count > 1 {
            loader = loader.file(directory.file("first.toml", &text(2)));
        }
        if count > 2 {
            loader = loader.file(directory.file("second.toml", &text(3)));
        }
        if count > 3 {
            loader = loader.variables([("SOA__SERVER__CONCURRENCY", "4")]);
        }
        if count > 4 {
            loader = loader
                .set("server.concurrency=5")
                .set("server.concurrency=6");
        }
        loader.load().unwrap()
    };
    for (count, expected) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6)] {
        let settings = layers(count);
        assert_eq!(settings.server.concurrency, Some(expected));
        assert_eq!(settings.server.workers, 7, "tables are merged key by key");
    }
}

#[test]
fn a_null_removes_the_weaker_value() {
    let directory = Directory::new();
    let settings = Settings::<NoSection>::loader()
        .file(directory.file("a.toml", "[server]\nworkers = 7\nconcurrency = 7"))
        .file(directory.file(
            "b.json",
            r#"{"server": {"workers": null, "job_timeout": null}}"#,
        ))
        .load()
        .unwrap();
    assert_eq!(settings.server.workers, 1);
    assert_eq!(settings.server.concurrency, Some(7));
}

#[test]
fn variables_are_parsed_as_the_types_of_their_keys() {
    let settings = Settings::<Library>::loader()
        .set("service.branches.\"Old Town\".opensAt=9")
        .variables([
            ("SOA__SERVICE__SHELF", "12"),
            ("SOA__SERVICE__BOOKS", "12"),
            ("SOA__SERVICE__FEE", "1"),
            ("SOA__SERVICE__LENT", "14d"),
            ("SOA__SERVICE__KEPT", "novel, dictionary"),
            ("SOA__SERVICE__BRANCHES__NORTH__OPENSAT", "7"),
            ("SOA__SERVICE__READERS", r#"{"file": {"path": "x"}}"#),
            ("SOA__SERVICE__TOKEN", "null"),
            ("SOA__SERVER__TRACEBACKS", "true"),
            ("SOA__SERVER__TRANSPORT__REDIS__HOSTS", r#"["[::1]:7000"]"#),
        ])
        .load()
        .unwrap();
    let library = &settings.service;
    assert_eq!(
        (library.shelf.as_str(), library.books, library.fee),
        ("12", 12, Some(1.0))
    );
    assert_eq!(library.kept, [Kind::Novel, Kind::Dictionary]);
    assert_eq!(library.branches["north"].opens_at, 7);
    assert_eq!(library.branches["Old Town"].opens_at, 9);
    assert!(matches!(&library.readers, Some(Readers::File { path }) if path.ends_with("x")));
    assert_eq!(library.token.as_ref().unwrap().expose(), "null");
    assert_eq!(settings.server.tracebacks, Some(true));
    let TransportSettings::Redis(redis) = &settings.server.transport else {
        panic!()
    };
    assert_eq!(redis.addresses(), "[::1]:7000");
}

#[test]
fn a_variable_finds_a_key_of_a_map_whatever_its_case() {
    let directory = Directory::new();
    let file = directory.file("a.toml", "[client_routing.User-Store]\ntimeout = 1\n");
    let settings = Settings::<NoSection>::loader()
        .file(file)
        .variables([("SOA__CLIENT_ROUTING__USER_STORE__TIMEOUT", "5s")])
        .load()
        .unwrap();
    let routes: Vec<_> = settings.client_routing.iter().collect();
    let [(name, route)] = routes.as_slice() else {
        panic!("{routes:?}")
    };
    assert_eq!(name.as_str(), "User-Store");
    assert_eq!(route.timeout.unwrap().get(), Duration::from_secs(5));
}

#[test]
fn a_variable_finds_a_service_that_any_other_source_names() {
    let directory = Directory::new();
    let file = directory.file("a.toml", "[client_routing.\"users.north\"]\n");
    let expansions = r#"
        [expansions.type_routes.authors]
        service = "book-store"
        action = "find"
        request_field = "ids"
        response_field = "authors"
    "#;
    let settings = Settings::<NoSection>::loader()
        .defaults(expansions)
        .file(file)
        .variables([
            ("SOA__CLIENT_ROUTING__USERS_NORTH__TIMEOUT", "1s"),
            ("SOA__CLIENT_ROUTING__USER_ACCOUNTS__TIMEOUT", "2s"),
            ("SOA__CLIENT_ROUTING__BOOK_STORE__TIMEOUT", "3s"),
            ("SOA__CLIENT_ROUTING__PLAIN__TIMEOUT", "4s"),
        ])
        .set("client_routing.user-accounts={}")
        .load()
        .unwrap();
    let routes = settings.client_routing.iter();
    let timeouts = routes.map(|(name, route)| (name.as_str(), route.timeout.unwrap().to_string()));
    let expected = [
        ("book-store", "3s"),
        ("plain", "4s"),
        ("user-accounts", "2s"),
        ("users.north", "1s"),
    ];
    assert!(timeouts.eq(expected.map(|(name, timeout)| (name, timeout.to_owned()))));
}

#[tokio::test]
async fn a_route_that_only_a_variable_names_is_that_of_the_service_that_is_called() {
    let route = r#"{"transport": {"stub": {"actions": {"find": {"body": {"n": 1}}}}}}"#;
    let settings = Settings::<NoSection>::loader()
        .variables([("SOA__CLIENT_ROUTING__USER_ACCOUNTS", route)])
        .load()
        .unwrap();
    let client = settings.client().unwrap().build().unwrap();
    for service in ["user-accounts", "user_accounts", "User.Accounts"] {
        let found = client.call_action(service, "find", &()).await.unwrap();
        assert_eq!(found.get("n"), Some(&1.into()), "{service}");
    }
    let unknown = client.call_action("users", "find", &()).await.unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("this client knows `user_accounts`")
    );

    // What a file has written is meant as it is.
    let settings = Settings::<NoSection>::loader()
        .set(format!("client_routing.user_accounts={route}"))
        .load()
        .unwrap();
    let client = settings.client().unwrap().build().unwrap();
    let other = client.call_action("user-accounts", "find", &()).await;
    assert!(other.is_err());
}

#[test]
fn a_route_has_the_transport_of_the_server_by_default() {
    let settings = Settings::<NoSection>::loader()
        .set("server.transport.redis.hosts=a:1")
        .set("client_routing.users.timeout=1s")
        .set("client_routing.posts.transport.redis.hosts=b:1")
        .load()
        .unwrap();
    assert!(settings.client_routing["users"].transport.is_none());
    let posts = settings.client_routing["posts"].transport.clone();
    let Some(ClientTransportSettings::Redis(redis)) = posts else {
        panic!()
    };
    assert_eq!(redis.addresses(), "b:1");
    settings.client().unwrap().build().unwrap();
}
