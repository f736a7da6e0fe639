//! The fleet on the page: found, filtered and opened; names that are hostile; changes of dead letters.

use serde_json::json;

use crate::fleet::{Fleet, letter};
use crate::processes::Redis;
use crate::services::{images, redis_cli};
use crate::window::{Dashboard, Window};

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_is_filtered_and_opened_by_keys() {
    let redis = Redis::start();
    let _fleet = Fleet::start(&redis);
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "");
        window.wait_for("tr[data-id=books]");
        window.wait_for("tr[data-id=shop]");
        window.press("/");
        window.write("input[type=search]", "BOO");
        window.browser.wait_for(
            "document.querySelectorAll('tr[data-id]').length === 1 && document.querySelector('tr[data-id=books]') !== null",
        );
        window.press("Escape");
        window.wait_for("tr[data-id=shop]");
        // The first Esc clears the filter, the second one leaves it.
        window.press("Escape");
        window.press("j");
        window.press("j");
        window.press("k");
        let first = window
            .browser
            .evaluate("document.querySelector('tr[data-index=\"0\"]').dataset.id");
        let focused = window
            .browser
            .evaluate("document.activeElement.closest('tr').dataset.id");
        assert_eq!(first, focused);
        window.press("Enter");
        window.wait_for("nav.tabs");
        assert_eq!(json!(window.text("h1")), first);
        // All six charts are drawn.
        window
            .browser
            .wait_for("document.querySelectorAll('.charts .chart canvas').length === 6");
        window.click(".choice button", "1 hour");
        window
            .browser
            .wait_for("document.querySelector('.choice button:nth-child(2)').ariaPressed === 'true'");
        window
            .browser
            .wait_for("document.querySelectorAll('.charts .chart canvas').length === 6");
        let hour = |asked: &String| asked.ends_with("/history?span=1h");
        assert!(window.browser.requests.iter().any(hour));
        window.press("u");
        window.wait_for("table.fleet");
        window.press("?");
        window.wait_for("dialog[open]");
        assert!(window.text("dialog").contains("filter the table"));
        window.press("Escape");
        window
            .browser
            .wait_for("document.querySelector('dialog') === null");
        for theme in ["'light'", "'dark'", "undefined"] {
            window.press("t");
            window.browser.wait_for(&format!(
                "document.documentElement.dataset.theme === {theme}"
            ));
        }
        window.assert_clean();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_callers_and_the_graph_are_shown() {
    let redis = Redis::start();
    let _fleet = Fleet::start(&redis);
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "#/services/books/workers");
        window.browser.wait_for("document.querySelectorAll('tr[data-id]').length === 2");
        window.click("tr[data-id] a", "");
        window.wait_for_text("Jobs in flight");
        window.wait_for_text("3.1.0");
        window.go("#/services/books/callers");
        window.wait_for("tr[data-id=shop]");
        window.go("#/services/books/actions");
        // Nobody calls `count`; the service has described it.
        window.wait_for("tr[data-id=count]");
        window.wait_for_text("Books, and where they stand.");
        window.go("#/graph");
        window.wait_for("svg a[href='#/services/books'] rect");
        window.wait_for("svg a[href='#/services/mail'] rect");
        window.browser.wait_for("[...document.querySelectorAll('text.rate')].some(text => parseFloat(text.textContent) > 0)");
        window.assert_clean();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_is_text() {
    let redis = Redis::start();
    let names = [
        "<img src=x onerror=\"document.title='owned'\">",
        "</script><script>document.title='owned'</script>",
        "\u{202e}gnp.evil\u{7}",
        &"long".repeat(2_500),
    ];
    for name in names {
        redis_cli(&redis, &["RPUSH", &format!("pysoa:service.{name}"), "x"]);
    }
    let dashboard = Dashboard::start(&redis);
    let names = names.map(str::to_owned);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "");
        window
            .browser
            .wait_for("document.querySelectorAll('tr[data-id]').length === 4");
        window.wait_for_text("\\u{202e}gnp.evil\\u{7}");
        window.wait_for_text(&names[0]);
        for (index, name) in names.iter().enumerate() {
            let name = json!(name);
            for tab in ["", "/queue", "/actions/find"] {
                window.browser.evaluate(&format!(
                    "location.hash = '#/services/' + encodeURIComponent({name}) + '{tab}'"
                ));
                window
                    .browser
                    .wait_for("document.querySelector('h1') !== null");
                window
                    .browser
                    .wait_for("document.querySelector('.loading') === null");
            }
            let wide = window
                .browser
                .evaluate("document.documentElement.scrollWidth <= innerWidth");
            assert_eq!(wide, json!(true), "{index} is wider than the window");
        }
        assert_eq!(
            window
                .browser
                .evaluate("document.querySelectorAll('img').length"),
            json!(0)
        );
        let title = window.browser.evaluate("document.title");
        assert_ne!(title, json!("owned"));
        // A service that cannot be asked for its description is a 502, which the console tells.
        window
            .browser
            .complaints
            .retain(|said| !said.to_string().contains("502"));
        window.assert_clean();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_without_secrets_and_runs_again_after_a_question() {
    let redis = Redis::start();
    letter(&redis, "ab12").await;
    letter(&redis, "ab34").await;
    let images = images(&redis);
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "#/dead/images/ab12");
        window.wait_for_text("three processes ended");
        let shown = window.text("main");
        assert!(
            shown.contains("640") && !shown.contains("hunter22"),
            "{shown}"
        );
        window.click("button", "Run again");
        window.wait_for("dialog[open]");
        window.click("dialog button", "Cancel");
        window
            .browser
            .wait_for("document.querySelector('dialog') === null");
        window.click("button", "Run again");
        window.click("dialog button", "Run again");
        window.wait_for_text("1 letter runs again.");
        window.go("#/services/images/actions");
        window.wait_for("tr[data-id=shrink]");
        window.browser.wait_for(
            "document.querySelector('tr[data-id=shrink] td:last-child').innerText === '1'",
        );
        window.go("#/dead");
        window
            .browser
            .wait_for("document.querySelectorAll('tr[data-id] input').length === 1");
        window.click("tr[data-id] input", "");
        window.click(".tools button", "Drop");
        window.click("dialog button", "Drop");
        window.wait_for_text("There are no dead letters.");
        window.assert_clean();
    })
    .await
    .unwrap();
    images.stop().await;
}
