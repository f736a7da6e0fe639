//! Every mistake is reported with its place, its key, the expected values, and the most similar key.

use std::fmt::Write;

use soa_program::settings::Settings;
use soa_runtime::client::{Expansion, ExpansionRoute, Expansions};

use crate::support::{Directory, Library, of_file};

/// The messages about each of these files.
fn messages_about(name: &str, files: &[&str]) -> String {
    let mut out = String::new();
    for text in files {
        let directory = Directory::new();
        let file = directory.file(name, text);
        let error = Settings::<Library>::loader().file(file).load();
        let error = error.map(|_| ()).unwrap_err().to_string();
        write!(
            out,
            "{}\n=> {}\n\n",
            text.trim_end(),
            directory.shorten(&error)
        )
        .unwrap();
    }
    out
}

#[test]
fn mistakes_in_toml_name_line_and_key() {
    let messages = messages_about(
        "soa.toml",
        &[
            "service.shelf = 'A'\n\n[server]\nconcurency = 8",
            "service.shelf = 'A'\n[server]\nconcurrency = 0",
            "service.shelf = 'A'\n[server]\nconcurrency = \"many\"",
            "service.shelf = 'A'\n[server]\ncrash_limit = 0",
            "service.shelf = 'A'\n[server]\ncrash_limit = 256",
            "service.shelf = 'A'\n[server]\nconcurrency = 2.5",
            "service.shelf = 'A'\n[server]\nshutdown_grace = \"2 weeks\"",
            "service.shelf = 'A'\n[server]\nshutdown_grace = -1",
            "service.shelf = 'A'\n[server]\ntracebacks = 'yes'",
            "service.shelf = 'A'\n[server]\nname = '8 books'",
            "service.shelf = 'A'\n[server]\nheartbeat_file = ''",
            "service.shelf = 'A'\n[server]\nrespawn_limits = [{ times = 3 }]",
            "service.shelf = 'A'\n[server]\nrespawn_limits = [{ times = -1, within = '15s' }]",
            "service.shelf = 'A'\nserver = 8",
            "service.shelf = 'A'\n[sever]\nworkers = 1",
            "service.shelf = 'A'\n[redis]\nhosts = ['a']",
            "service.shelf = 'A'\n[server]\nhosts = ['a']",
            "service.shelf = 'A'\n[server.transport]\nreddis = {}",
            "service.shelf = 'A'\n[server.transport]",
            "service.shelf = 'A'\n[server.transport.redis]\nhosts = []",
            "service.shelf = 'A'\n[server.transport.redis.sentinel]\nfailover_retries = 3",
            "service.shelf = 'A'\n[server.transport.redis]\nmode = 'cluster'\ndatabase = 3",
            "service.shelf = 'A'\n[server.transport.redis]\nlease = '500ms'",
            "service.shelf = 'A'\n[server.transport.redis]\nlease = '2s'",
            "service.shelf = 'A'\n[server.transport.redis]\ngone_after = '2s'",
            "service.shelf = 'A'\n[server.transport.redis]\nchunk_messages_larger_than = 102400",
            "service.shelf = 'A'\n[server.transport.redis.tls]\nclient_key = '/dev/null'",
            "service.shelf = 'A'\n[server.transport.redis]\nhosts = 'a:1'",
            "service.shelf = 'A'\n[server.transport.redis]\nhosts = [\n  'redis://:secret@a:1',\n]",
            "service.shelf = 'A'\n[server.transport.redis]\npassword = 8",
            "service.shelf = 'A'\n[server.transport.redis]\ndatabase = 256",
            "service.shelf = 'A'\n[server.transport.redis]\nreceive_timeout_in_seconds = 5",
            "service.shelf = 'A'\n[server]\ntransport = 'redis://:secret@a:1'",
            "service.shelf = 'A'\n[client_routing.users]\ntimout = '2s'",
            "service.shelf = 'A'\n[client_routing.\"a.b\"]\ntimeout = true",
            "service.shelf = 'A'\n[logging]\nlevel = 'loud'",
            "service.shelf = 'A'\n[logging.targets]\n\"a::b\" = 5",
        ],
    );
    insta::assert_snapshot!(messages);
}

#[test]
fn mistakes_in_the_section_of_the_service_are_told_as_well() {
    let messages = messages_about(
        "soa.toml",
        &[
            "",
            "[service]\nbooks = 5",
            "[service]\nshelf = ''",
            "[service]\nshelf = 'A'\nbooks = 100",
            "[service]\nshelf = 'A'\nbocks = 10",
            "[service]\nshelf = 'A'\nfee = 'much'",
            "[service]\nshelf = 'A'\nlent = '400d'",
            "[service]\nshelf = 'A'\ntoken = ['secret']",
            "[service]\nshelf = 'A'\nkept = ['novel',\n 'dictionery']",
            "[service]\nshelf = 'A'\n[service.branches.north]\nopensAt = 24",
            "[service]\nshelf = 'A'\n[service.branches.north]\nopens_at = 9",
            "[service]\nshelf = 'A'\n[service.readers.file]\n",
            "[service]\nshelf = 'A'\n[service.readers.file]\npath = 'a'\n[service.readers.service]\nname = 'b'",
            "[service]\nshelf = 'A'\n[service.readers.fil]\npath = 'a'",
        ],
    );
    insta::assert_snapshot!(messages);
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let mut out = messages_about(
        "soa.toml",
        &[
            "[server\nworkers = 1",
            "a = 1\na = 2",
            "a = 99999999999999999999",
        ],
    );
    out += &messages_about(
        "soa.yaml",
        &[
            "server:\n  workers: [1",
            "server: !x 1",
            "- a",
            "a: 1\na: 2",
            "a: 1\n---\nb: 1",
            "8: 1",
        ],
    );
    out += &messages_about(
        "soa.json",
        &[
            "{\"server\": {\n\"workers\": 1,}}",
            "[]",
            "{\"a\": 1,\n\"a\": 2}",
            "{\"a\": 1e999}",
        ],
    );
    out += &messages_about("soa.ini", &["[server]"]);
    let missing = Settings::<Library>::loader()
        .file("there/is/none.toml")
        .load();
    out += &missing.map(|_| ()).unwrap_err().to_string();
    insta::assert_snapshot!(out);
}

#[test]
fn mistakes_in_yaml_and_json_name_line_and_key() {
    let yaml = ["service: {shelf: A}\nserver:\n  concurency: 8\n  workers: none"];
    let json = [
        "{\n  \"service\": {\"shelf\": \"A\"},\n  \"server\": {\n    \"concurency\": 8,\n    \"workers\": 0\n  }\n}",
    ];
    let messages = messages_about("soa.yaml", &yaml) + &messages_about("soa.json", &json);
    insta::assert_snapshot!(messages);
}

#[test]
fn mistakes_in_variables_name_the_variable() {
    let mut out = String::new();
    for (name, value) in [
        ("SOA__SERVER__CONCURENCY", "8"),
        ("SOA__SERVER__CONCURRENCY", "many"),
        ("SOA__SERVER__CONCURRENCY", ""),
        ("SOA__SERVER__TRACEBACKS", "yes"),
        ("SOA__SERVER", "8"),
        ("SOA__SERVER__", "8"),
        ("SOA__", "8"),
        ("SOA__HOSTS", "a"),
        ("SOA__SERVER__TRANSPORT__REDIS__HOSTS", ","),
        ("SOA__SERVER__TRANSPORT__REDIS__HOSTS", "a:x"),
        ("SOA__SERVER__TRANSPORT__REDIS__PASWORD", "secret"),
        ("SOA__SERVICE__KEPT", "novel,dictionery"),
        ("SOA__CLIENT_ROUTING__USERS__TIMEOUT", "soon"),
        ("SOA__SERVICE__LENT", "400d"),
    ] {
        let loader = Settings::<Library>::loader().set("service.shelf=A");
        let error = loader.variables([(name, value)]).load();
        let error = error.map(|_| ()).unwrap_err();
        write!(out, "{name}={value}\n=> {error}\n\n").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn mistakes_in_flags_name_the_flag() {
    let mut out = String::new();
    for assignment in [
        "server.workers=0",
        "server.wrokers=2",
        "server.workers",
        "=8",
        "server..workers=8",
    ] {
        let loader = Settings::<Library>::loader().set("service.shelf=A");
        let error = loader.set(assignment).load().map(|_| ()).unwrap_err();
        write!(out, "{assignment}\n=> {error}\n\n").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn all_mistakes_of_all_sources_are_told_at_once() {
    let directory = Directory::new();
    let base = directory.file("base.toml", "[server]\nwrokers = 2\n[service]\nbooks = 0");
    let more = directory.file("more.yaml", "logging:\n  level: loud");
    let error = Settings::<Library>::loader()
        .file(base)
        .file(more)
        .variables([
            ("SOA__SERVER__CONCURRENCY", "many"),
            ("SOAP", "clean"),
            ("SOA_SETTINGS", "x"),
        ])
        .set("service.fee=much")
        .load()
        .unwrap_err();
    assert_eq!(error.problems().len(), 6);
    let messages = directory.shorten(&error.to_string());
    insta::assert_snapshot!(messages);
}

#[test]
fn what_could_only_fail_later_is_told_when_it_is_read() {
    let messages = messages_about(
        "soa.toml",
        &[
            "service.shelf = 'A'\n[server]\njob_timeout = '0s'",
            "service.shelf = 'A'\n[server]\nheartbeat_file = 'a-{{pdi}}'",
            "service.shelf = 'A'\n[server]\nheartbeat_file = 'a-{{pid}}-{{fid'",
            "service.shelf = 'A'\n[client_routing.users]\ntimeout = 0",
            "service.shelf = 'A'\n[server.transport.redis]\nreceive_timeout = 0\nconnect_timeout = 0.0\nmessage_expiry = '900ms'",
            "service.shelf = 'A'\n[tracing]\ninterval = '0s'\ntimeout = 0\nendpoint = 'collector:4318'",
            "service.shelf = 'A'\n[tracing]\nendpoint = 'https://me:secret@collector'",
            "service.shelf = 'A'\n[tracing]\nendpoint = 'http://'",
            "service.shelf = 'A'\n[metrics]\nlisten = '9090'",
            "service.shelf = 'A'\n[server.transport.redis.tls]\nca_certificates = 'there/is/none.pem'",
            "service.shelf = 'A'\n[[client_middleware]]\nname = 'circuit_breaker'\nwindow = '0s'\nfailure_rate = 0",
            "service.shelf = 'A'\n[[client_middleware]]\nname = 'logging'\nredact = ['']",
        ],
    );
    assert!(!messages.split("=>").skip(1).any(|message| {
        message
            .lines()
            .next()
            .is_some_and(|line| line.contains("secret"))
    }));
    insta::assert_snapshot!(messages);
}

#[test]
fn a_mistake_of_one_kind_hides_none_of_another() {
    let text = "[server]\nworkers = 0\nname = '8 books'\nmiddleware = [{ name = 'loging' }]
[server.transport.redis]\nhosts = ['a:x']\n[server.transport.redis.sentinel]\nservices = ['a']
[service]\nshelf = 'A'\nlent = '400d'\nbocks = 8
[[client_middleware]]\nname = 'retry'\npause = '5s'\nlongest_pause = '1s'
[[client_middleware]]\nname = 'logging'\nlevel = 'info'
[expansions.type_expansions.thing.owner]\nroute = 'people'\nsource_field = 'a'\ndestination_field = 'b'\n";
    insta::assert_snapshot!(messages_about("soa.toml", &[text]));
}

#[test]
fn mistakes_in_expansions_are_told_with_their_places() {
    let routes = "service.shelf = 'A'\n[expansions.type_routes]\n\
        people = { service = 'people', action = 'find', request_field = 'ids', response_field = 'found' }\n";
    let files = [
        "[expansions.type_expansions.thing]\n\
         owner = { type = 'person', route = 'poeple', source_field = 'owner_id', destination_field = 'owner' }",
        "[expansions.type_expansions.thing.owner]\nroute = 'animals'\nsource_field = 'owner'\ndestination_field = 'owner'",
        "[expansions.type_expansions.thing.owner]\nroute = 'people'\nsource = 'owner_id'\ndestination_field = ''",
        "[expansions.type_routes.animals]\nservice = 'animals'\naction = 'find'",
        "[expansions.type_route.animals]\nservice = 'animals'",
    ];
    let files = files.map(|file| format!("{routes}{file}"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    insta::assert_snapshot!(messages_about("soa.toml", &files));
}

#[test]
fn expansions_are_read_as_the_reference_has_them() {
    let text = "service: { shelf: A }
expansions:
  type_routes:
    people: { service: people, action: find, request_field: ids, response_field: found }
  type_expansions:
    thing:
      owner: { type: person, route: people, source_field: owner_id, destination_field: owner }
      maker: { type: null, route: people, source_field: maker_id, destination_field: maker, raise_action_errors: true }
";
    let settings = of_file("soa.yaml", text).unwrap();
    let route = ExpansionRoute::new("people", "find")
        .request_field("ids")
        .response_field("found");
    let owner = Expansion::new("people")
        .source_field("owner_id")
        .destination_field("owner")
        .of_type("person");
    let maker = Expansion::new("people")
        .source_field("maker_id")
        .destination_field("maker")
        .raise_action_errors();
    let expected = Expansions::new()
        .route("people", route)
        .expansion("thing", "owner", owner)
        .expansion("thing", "maker", maker);
    assert_eq!(settings.expansions, expected);
    settings.client().unwrap().build().unwrap();
}

#[test]
fn a_secret_is_in_no_message() {
    let secret = "hunter2";
    for (key, value) in [
        ("server.transport.redis.password", format!("[\"{secret}\"]")),
        ("server.transport", format!("redis://:{secret}@host")),
        (
            "server.transport.redis.hosts",
            format!("redis://:{secret}@host"),
        ),
        ("server.transport.redis.pasword", secret.to_owned()),
        ("service.token.x", secret.to_owned()),
    ] {
        let loader = Settings::<Library>::loader().set("service.shelf=A");
        let loaded = loader.set(format!("{key}={value}")).load();
        // Text that looks like a list is accepted where text is expected.
        if let Err(error) = loaded {
            assert!(!error.to_string().contains(secret), "{error}");
        }
    }
    let loader = Settings::<Library>::loader().set("service.shelf=A");
    let loader = loader.set(format!("service.token={secret}"));
    let loader = loader.set(format!("server.transport.redis.password={secret}"));
    let shown = format!("{:?}", loader.load().unwrap());
    assert!(!shown.contains(secret), "{shown}");
}
