//! The binary, as a newcomer runs it.

#![allow(clippy::expect_used)] // Helpers of tests may fail loudly, too.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example_service"));
    command.args(arguments).output().expect("the binary starts")
}

#[test]
fn without_arguments_it_shows_the_main_job() {
    let output = run(&[]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_bad_argument_is_one_clear_line_and_a_failure() {
    for argument in ["--redis", "seve", ""] {
        let output = run(&[argument]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        let expected =
            format!("error: unknown argument `{argument}`; `--help` tells what there is\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

#[test]
fn help_goes_to_the_standard_output() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("Usage: example_service"));
}
