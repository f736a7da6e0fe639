//! An action is called from its form.

use serde_json::json;

use crate::fleet::Fleet;
use crate::processes::Redis;
use crate::services::Worker;
use crate::window::{Dashboard, Window};

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_called_and_its_answer_and_its_commands_are_shown() {
    let redis = Redis::start();
    let _fleet = Fleet::start(&redis);
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "#/services/books/actions/find");
        window.wait_for_text("Finds books by their title.");
        window.write("#field-title", "War & Peace <b>");
        window.click("[data-path=price] button", "Add");
        window.write("#field-price", "12.30");
        window.click("[data-path=shelves] button", "Add");
        window.click("[data-path=shelves] button", "Add an item");
        window.write("[id='field-shelves.0']", "A");
        window.click("form button", "Call");
        window.wait_for_text("Answered");
        let answer = window.text(".answer code");
        assert!(answer.contains("War & Peace <b>"), "{answer}");
        let commands = window.text(".outcome");
        for part in [
            "soa ",
            "call books.find",
            "12.30",
            "curl ",
            "X-Soa-Dashboard",
        ] {
            assert!(commands.contains(part), "{part}: {commands}");
        }
        window.write("#field-title", "nothing");
        window.click("form button", "Call");
        window.wait_for_text("There is no such book");
        window.click(".choice button", "JSON");
        window.write("#raw", r#"{"title": "By hand"}"#);
        window.click("form button", "Call");
        window
            .browser
            .wait_for("document.querySelector('.answer code')?.innerText.includes('By hand')");
        // What a service does not describe is written as JSON.
        window.go("#/services/mail/actions/send");
        window.write("textarea[aria-label=Body]", r#"{"title": "lost"}"#);
        window.click("form button", "Call");
        window.wait_for_text("The reader has no address");
        window.assert_clean();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mistakes_are_told_beside_their_fields() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "#/services/example/actions/validate_me");
        window.write("#field-id", "0");
        for field in ["kind", "flag", "maybe", "either", "extra_map"] {
            window.click(&format!("[data-path={field}] button"), "Add");
        }
        window.click("form button", "Call");
        window.wait_for_text("Nothing was sent.");
        for field in ["id", "kind"] {
            window.wait_for(&format!("[data-path={field}].wrong .mistakes li"));
        }
        let focused = window.browser.evaluate("document.activeElement.id");
        assert_eq!(focused, json!("field-id"));

        // What only the service knows is told in the same way: the name is too short.
        window.write("#field-id", "7");
        window.write("#field-name", "ab");
        window.browser.evaluate(
            "(() => { const kind = document.querySelector('#field-kind'); kind.value = '1';
              kind.dispatchEvent(new Event('change', { bubbles: true })); })()",
        );
        window.click("[data-path=maybe] input[type=checkbox]", "");
        window.write("#field-either", "3");
        window.click("form button", "Call");
        window.wait_for_text("Answered");
        let command = window.text(".outcome");
        assert!(command.contains("\"maybe\": null"), "{command}");
        window.assert_clean();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_keeps_its_digits_to_the_service_and_back() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "#/services/example/actions/square");
        window.write("#field-number", "3037000501");
        window.press("Enter");
        window.wait_for_text("Answered");
        let answer = window.text(".answer code");
        assert!(answer.contains("9223372043074251001"), "{answer}");
        window.assert_clean();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_changes_nothing_shows_the_command_of_a_call() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    let dashboard = Dashboard::start_with(&redis, "127.0.0.1:0", &[]);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "#/services/example/actions/square");
        window.write("#field-number", "12");
        window.wait_for_text("--allow-changes");
        window.click("form button", "Check, and show the command");
        window.wait_for_text("The body fits. Nothing was sent.");
        window.wait_for_text("call example.square");
        window.assert_clean();
    })
    .await
    .unwrap();
}
