//! Commands that need no running server.

use std::io::Write as _;
use std::process::Stdio;

use crate::processes::{example_service, fresh_file, outcome, run, run_unruly};

#[test]
fn without_arguments_it_shows_the_main_job() {
    let (code, out, error) = run(&[]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    insta::assert_snapshot!(out);
}

#[test]
fn a_bad_command_line_is_told_on_the_standard_error_with_code_2() {
    for (arguments, complaint) in [
        (&["seve"][..], "unrecognized subcommand 'seve'"),
        (&["--redis"], "a value is required for '--redis <ADDRESS>'"),
        (&["call"], "required arguments were not provided"),
        (
            &["call", "square", "7", "--local"],
            "the body must be a JSON object",
        ),
        (&["call", "square", "{", "--local"], "the body is not JSON"),
        (
            &["call", "square", "--context", "x", "--local"],
            "`--context` needs KEY=VALUE",
        ),
        (
            &["call", "square", "--timeout", "soon"],
            "expected a time such as",
        ),
        (&["serve", "--redis", "http://host"], "bad address of Redis"),
        (&["serve", "--fork", "0"], "0 is not in 1.."),
        (
            &["--fork", "3", "call", "none"],
            "`--fork` is a flag of `serve`",
        ),
        (
            &["--pid-file", "x", "settings"],
            "`--pid-file` is a flag of `serve`",
        ),
        (&["serve", "--no-respawn"], "`--no-respawn` needs `--fork`"),
        (
            &["serve", "--log-file", "x"],
            "`--log-file` needs `--daemon`",
        ),
    ] {
        let (code, out, error) = run(arguments);
        assert_eq!(
            (code, out.as_str()),
            (Some(2), ""),
            "{arguments:?}: {error}"
        );
        assert!(
            error.starts_with("error: ") && error.contains(complaint),
            "{error}"
        );
    }
}

#[test]
fn help_goes_to_the_standard_output_and_tells_commands_and_exit_codes() {
    let (code, out, error) = run(&["--help"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    insta::assert_snapshot!(out);
    let (_, out, _) = run(&["--version"]);
    assert_eq!(out, "example 1.2.3\n");
}

#[test]
fn bad_settings_are_told_all_at_once_with_code_3() {
    let file = fresh_file("settings.toml");
    std::fs::write(&file, "[server]\nwrokers = 2\n").expect("the file is written");
    let name = file.to_str().expect("it is text");
    for command in ["serve", "status", "introspect", "settings"] {
        let mut command =
            example_service(&[command, "--settings", name, "--set", "logging.level=loud"]);
        let output = command.env("SOA__SERVER__CONCURRENCY", "many").output();
        let (code, out, error) = outcome(&output.expect("the binary starts"));
        assert_eq!((code, out.as_str()), (Some(3), ""), "{error}");
        let expected = format!(
            "error: --set: `logging.level`: expected `off`, `error`, `warn`, `info`, `debug` or `trace`, found \"loud\"\n\
             error: SOA__SERVER__CONCURRENCY: `server.concurrency`: expected an integer from 1 to 268435456, found \"many\"\n\
             error: {name}:2: `server.wrokers`: there is no such key; did you mean `server.workers`?\n"
        );
        assert_eq!(error, expected);
    }
    std::fs::remove_file(file).expect("the file is removed");
}

#[test]
fn a_file_of_settings_can_be_named_by_a_variable() {
    let file = fresh_file("settings.yaml");
    std::fs::write(&file, "server: {workers: 3}\n").expect("the file is written");
    let mut command = example_service(&["settings", "--print"]);
    let output = command.env("SOA_SETTINGS", &file).output();
    let (code, out, _) = outcome(&output.expect("the binary starts"));
    assert_eq!(code, Some(0));
    let first = out.lines().next().unwrap_or_default();
    assert!(first.starts_with("server.workers = 3 "), "{out}");
    assert!(first.ends_with(&format!("# {}:1", file.display())), "{out}");
    std::fs::remove_file(file).expect("the file is removed");
}

#[test]
fn a_variable_that_is_empty_names_no_file() {
    let mut command = example_service(&["settings", "--print"]);
    let output = command.env("SOA_SETTINGS", "").output();
    let (code, _, error) = outcome(&output.expect("the binary starts"));
    assert_eq!(code, Some(0), "{error}");
}

#[test]
fn sources_on_both_sides_of_the_command_count_and_the_later_is_the_stronger() {
    let (first, second) = (fresh_file("first.toml"), fresh_file("second.toml"));
    std::fs::write(&first, "[server]\nworkers = 3\nconcurrency = 3\n").expect("it is written");
    std::fs::write(&second, "[server]\nconcurrency = 4\n").expect("it is written");
    let [a, b] = [&first, &second].map(|file| file.to_str().expect("it is text"));
    let (code, out, error) = run(&[
        "--settings",
        a,
        "--set",
        "server.shutdown_grace=1s",
        "--set",
        "server.teardown_grace=1s",
        "settings",
        "--settings",
        b,
        "--set",
        "server.teardown_grace=2s",
    ]);
    assert_eq!(code, Some(0), "{error}");
    for line in [
        "server.workers = 3 ",
        "server.concurrency = 4 ",
        "server.shutdown_grace = \"1s\" ",
        "server.teardown_grace = \"2s\" ",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    std::fs::remove_file(first).expect("the file is removed");
    std::fs::remove_file(second).expect("the file is removed");
}

#[test]
fn settings_are_shown_with_their_origins_their_schema_and_all_keys() {
    let (code, out, _) = run(&[
        "settings",
        "--redis",
        "redis://:secret@host:7000/3",
        "--set",
        "server.workers=2",
    ]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(out);
    let (_, schema, _) = run(&["settings", "--schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("it is JSON");
    assert_eq!(
        schema["properties"]["server"]["$ref"],
        "#/$defs/ServerSettings"
    );
    let (_, page, _) = run(&["settings", "--reference"]);
    assert!(page.contains("| `server.workers` |"), "{page}");
}

#[test]
fn introspect_tells_what_the_program_offers() {
    let (code, out, error) = run(&["introspect", "validate_me"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    insta::assert_snapshot!(out);
    let (_, all, _) = run(&["introspect"]);
    assert!(
        all.starts_with("example 1.2.3\n  Shows every feature"),
        "{all}"
    );
    let (_, json, _) = run(&["introspect", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let first = &json["action_names"][0];
    assert!(json["actions"][first.as_str().expect("it is a name")].is_object());
    let (code, out, error) = run(&["introspect", "sqare"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.contains("Action not defined in service"), "{error}");
    assert!(
        error.contains("\n  did you mean `square`?\n  the actions are `"),
        "{error}"
    );
    let (_, _, error) = run(&["introspect", "kaleidoscope"]);
    assert!(!error.contains("did you mean"), "{error}");
    assert!(error.contains("\n  the actions are `"), "{error}");
}

#[test]
fn openapi_prints_the_description_of_the_service_over_http() {
    let (code, out, error) = run(&["openapi"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let document: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "example");
    assert_eq!(document["info"]["version"], "1.2.3");
    let square = &document["paths"]["/call/example/square"]["post"];
    assert_eq!(square["operationId"], "example_square");
}

#[test]
fn introspect_tells_what_an_action_declares() {
    let (code, out, error) = run_unruly(&["introspect", "behave"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let expected = "\n\nbehave\n  Answers.\n  idempotent; timeout 60 s\n  error NOT_IN_THE_MOOD: It cannot behave\n";
    assert!(out.contains(expected), "{out}");
}

#[test]
fn an_action_can_be_called_in_this_process() {
    let (code, out, _) = run(&["call", "square", r#"{"number": 12}"#, "--local"]);
    assert_eq!((code, out.as_str()), (Some(0), "{\"square\": 144}\n"));
    let (code, out, error) = run(&["call", "square", r#"{"number": "x"}"#, "--local"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        error.contains("INVALID at `number`: Not an integer"),
        "{error}"
    );
    let (_, out, _) = run(&["call", "switched", "--switch", "7", "--local"]);
    assert!(out.contains('3'), "{out}");
    let arguments = [
        "call",
        "get_context",
        "--local",
        "--context",
        "locale=fr_FR",
        "--context",
        "n=[1]",
    ];
    let (_, out, error) = run(&arguments);
    assert!(
        out.contains("\"locale\": \"fr_FR\"") && out.contains("\"n\": [1]"),
        "{out}{error}"
    );
    let (code, _, error) = run(&[
        "call",
        "slow",
        r#"{"seconds": 600}"#,
        "--timeout",
        "50ms",
        "--local",
    ]);
    assert_eq!(code, Some(1));
    // Caller and service have the same 50 ms, so either may be the first to give up.
    let told = ["50ms", "ACTION_TIMEOUT"]
        .iter()
        .any(|told| error.contains(told));
    assert!(told, "{error}");
}

#[test]
fn the_name_of_an_action_that_does_not_exist_is_told_with_those_that_do() {
    let (code, out, error) = run(&["call", "sqare", "--local"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        error.contains(
            "was not found on this server.\n  did you mean `square`?\n  the actions are `"
        ),
        "{error}"
    );
    // Each variant has this name.
    assert_eq!(error.matches("`switched`").count(), 1, "{error}");
}

#[test]
fn a_call_passes_the_middleware_of_the_settings() {
    let logging = ["--set", r#"client_middleware=[{"name": "logging"}]"#];
    let stub = r#"client_routing.books.transport.stub.actions={"find": {"body": {"n": 1}}}"#;
    let of_route = r#"client_routing.books.middleware=[{"name": "logging"}]"#;
    let call = ["call", "find", "--service", "books", "--set", stub];
    let (code, out, error) = run(&[&call[..], &["--set", of_route], &logging].concat());
    assert_eq!((code, out.as_str()), (Some(0), "{\"n\": 1}\n"), "{error}");
    assert_eq!(error.matches("a service was called").count(), 2, "{error}");

    let call = ["call", "square", r#"{"number": 2}"#, "--local"];
    let (code, _, error) = run(&[&call[..], &logging].concat());
    assert_eq!(code, Some(0));
    assert_eq!(error.matches("a service was called").count(), 1, "{error}");
}

#[test]
fn a_response_is_json_whatever_is_in_it() {
    let (code, out, error) = run(&["call", "types", "--local"]);
    assert_eq!(code, Some(0), "{error}");
    let shown: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).expect("it is JSON"));
}

#[test]
fn a_body_can_come_from_the_standard_input() {
    let mut command = example_service(&["call", "square", "-", "--local"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(b"{\"number\": 5}").expect("it reads");
    drop(input);
    let (code, out, _) = outcome(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, out.as_str()), (Some(0), "{\"square\": 25}\n"));
}

#[test]
fn shells_get_completions() {
    for (shell, named) in [
        ("bash", "complete -F _example "),
        ("zsh", "#compdef example\n"),
        ("fish", "complete -c example "),
    ] {
        let (code, out, _) = run(&["completions", shell]);
        assert_eq!(code, Some(0));
        assert!(
            out.contains(named) && out.contains("concurrency"),
            "{shell}: {out}"
        );
        for hidden in ["detached", "watched", "fork-number"] {
            assert!(!out.contains(hidden), "{shell} offers {hidden}");
        }
    }
}
