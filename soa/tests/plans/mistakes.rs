//! What is told of lines that are not understood.

use proptest::prelude::*;
use soa::testing::plan::Plan;

const HEAD: &str = "test name: some_test\ntest description: Some description\n";

/// What is told of a case with these lines.
fn told(lines: &str) -> String {
    let text = format!("{HEAD}{lines}\necho: expect: no errors\n");
    Plan::parse("some.pysoa", &text).unwrap_err().to_string()
}

#[test]
fn a_line_that_is_not_understood_is_told_with_its_place_and_the_nearest_form() {
    let lines = "echo: expect no errors\necho: expct: no errors\necho: inputs: a: 1\necho: input itn: a: 1\n\
                 echo: expect any int: attribute value: x: 5\necho: expect: attribute: x: 5\necho: expect: error: kode=X\n\
                 echo: expect: error: code=X, message=\"a\", feild=b\n  echo: expect: no errors\ntest nam: other\nhello\n\
                 echo.x: expect: no errors\ninput: a: 1\nstub action: a: b: boddy: x: 1\necho: mock: A.b: c: 1\nfreez time: now\ntest name: t-7\ntest name: two words";
    insta::assert_snapshot!(told(lines));
}

#[test]
fn a_value_that_does_not_fit_is_told_with_its_place() {
    let lines = "echo: input int: id: abc123\necho: input regex: a: ^x\necho: input datetime: a: tomorrow\n\
                 echo: expect any none: attribute value: x\necho: input: a..b: 1\necho: input: c: 1\necho: input: c.d: 1\n\
                 freeze time: yesterday\necho: mock: a.b: c.return_value: {'x': 1}\necho: mock: a.b: expect called: [1]\n\
                 stub action: a: b: body: x: 1\nstub action: a: b: error: code=X, field=none, message=none\n\
                 echo: expect regex: attribute value: y: (?<=a)b\necho: input bool: yes: yes\necho: input: 0: x\necho: stub action: a: c: expect called int:\n\
                 echo.99999999999: input: a: 1\necho: input: d: [[]]";
    insta::assert_snapshot!(told(lines));
}

#[test]
fn a_case_needs_a_name_a_description_and_an_action() {
    let text = "test description: x\necho: expect: no errors\n\ntest name: a\necho: expect: no errors\n\n\
                test name: b\ntest description: x\n\ntest name: c\ntest name: d\ntest description: x\n\
                echo: expect: no errors\n\ntest name: a\ntest description: x\necho: expect: no errors\n";
    insta::assert_snapshot!(Plan::parse("some.pysoa", text).unwrap_err());
    let nothing = Plan::parse("some.pysoa", "# nothing\n").unwrap_err();
    assert_eq!(
        nothing.mistakes()[0].problem(),
        "this file has no case; a case begins with `test name: …`"
    );
}

#[test]
fn space_that_is_no_blank_is_told_and_seen() {
    // A mark at the beginning, as some editors leave it, is no mistake.
    let text = format!(
        "\u{feff}{HEAD}echo: expect: no errors\n \t\r\ntest name: next\ntest description: x\n\
         \u{a0}\necho:\u{200b}\u{a0}expect: no errors\n\u{c}\necho: input int: é\u{1}: 1\n"
    );
    insta::assert_snapshot!(Plan::parse("some.pysoa", &text).unwrap_err());
}

#[test]
fn an_unreadable_file_is_told() {
    let failure = Plan::read("no/such.pysoa").unwrap_err().to_string();
    assert!(
        failure.starts_with("no/such.pysoa cannot be read: "),
        "{failure}"
    );
}

proptest! {
    #[test]
    fn any_text_gives_a_plan_or_mistakes(text in any::<String>()) {
        let _ = Plan::parse("any.pysoa", &text);
    }

    /// Texts of what plans are made of, in any order.
    #[test]
    fn any_words_give_a_plan_or_mistakes(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let text = words.concat();
        if let Err(error) = Plan::parse("any.pysoa", &text) {
            for mistake in error.mistakes() {
                let line = text.lines().nth(mistake.line() - 1).unwrap_or_default();
                // Tabs are wider than what is written.
                prop_assert!(mistake.column() <= line.chars().count() * 8 + 1, "{}", mistake);
            }
        }
    }
}

const WORDS: &[&str] = &[
    "\n",
    "\n\n",
    " ",
    ":",
    ": ",
    ".",
    ",",
    "=",
    "{",
    "}",
    "[[",
    "]]",
    "\t",
    "\r\n",
    "é",
    "-",
    "_",
    "0",
    "1",
    "99999999999",
    "test name: ",
    "test description: ",
    "test skip",
    "global",
    "echo",
    "echo: ",
    "input",
    "job context ",
    "expect",
    "not ",
    "exact ",
    "any ",
    "none",
    "int",
    "datetime",
    "base64_bytes",
    "regex",
    "encoded_ascii",
    "attribute value: ",
    "no errors",
    "error: code=",
    ", field=",
    ", message=",
    "now",
    "midnight +1",
    "\\x0",
    "\\u00e9",
    "a.b",
    "ECHO.0.a",
    "freeze time: ",
    "stub action: a: b: ",
    "body",
    "called",
    "mock: a.b: ",
    "c.return_value: ",
    "{\"a\": 1}",
    "exception ",
    "delete",
    "emptydict",
    "# ",
    "2018,1,1",
    "2018-01-01T00:00:00Z",
    "echo: expect: no errors\n",
];
