//! Pictures of each page: in light and dark colours, and as wide as a phone. They are in `target/dashboard-pictures`, for
//! people. Of each, a few things are asserted that a person would see at once.

use std::path::PathBuf;

use serde_json::json;

use crate::fleet::{Fleet, letter, request};
use crate::processes::Redis;
use crate::window::{Dashboard, Window};

/// The pages, with an element that shows that its numbers are there.
const PAGES: [(&str, &str, &str); 12] = [
    ("fleet", "#/", "tr[data-id=books]"),
    ("service", "#/services/books", ".chart canvas"),
    ("actions", "#/services/books/actions", "tr[data-id=count]"),
    ("workers", "#/services/books/workers", "tr[data-id]"),
    // Its name is known when the page of the workers is there.
    ("worker", "", ".facts"),
    ("callers", "#/services/books/callers", "tr[data-id=shop]"),
    ("queue", "#/services/images/queue", "td.body code"),
    ("action", "#/services/books/actions/find", "#field-title"),
    ("graph", "#/graph", ".picture rect"),
    ("findings", "#/findings", ".problems li"),
    ("dead", "#/dead", "tr[data-id]"),
    ("letter", "#/dead/images/ab12", ".copied"),
];

/// Names of controls that people who cannot see them do not hear.
const NAMELESS: &str = "[...document.querySelectorAll('input, select, textarea, button, a')]
    .filter(one => !one.labels?.length && !one.ariaLabel && !one.innerText?.trim())
    .map(one => one.outerHTML.slice(0, 120))";

#[tokio::test(flavor = "multi_thread")]
async fn each_page_fits_into_its_window_in_all_colours() {
    let redis = Redis::start();
    let _fleet = Fleet::start(&redis);
    letter(&redis, "ab12").await;
    letter(&redis, "cd34").await;
    for _ in 0..5 {
        request(&redis).await;
    }
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "");
        let mut worker = String::new();
        for (name, hash, ready) in PAGES {
            window.shape(1280, 900, "light");
            window.go(if hash.is_empty() { &worker } else { hash });
            window.wait_for(ready);
            for (shape, width, height, colours) in [
                ("light", 1280, 900, "light"),
                ("dark", 1280, 900, "dark"),
                ("phone", 360, 760, "light"),
            ] {
                window.shape(width, height, colours);
                window
                    .browser
                    .wait_for("document.querySelector('.loading') === null");
                let fits =
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
                window.browser.wait_for(fits);
                assert_eq!(window.browser.evaluate(NAMELESS), json!([]), "{name}");
                window.picture(&format!("{name}-{shape}"));
            }
            if name == "workers" {
                let first = "document.querySelector('tr[data-id] a').hash";
                let first = window.browser.evaluate(first);
                worker = first.as_str().unwrap().to_owned();
            }
        }
        window.assert_clean();
    })
    .await
    .unwrap();
}

/// The pictures of the guide. `SOA_WRITE=1` makes them anew, which takes the five minutes that the charts show.
#[tokio::test(flavor = "multi_thread")]
async fn the_guide_has_its_pictures() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/pictures");
    if std::env::var_os("SOA_WRITE").is_some() {
        write_pictures(folder.clone()).await;
    }
    for name in ["fleet", "service", "action"] {
        let picture = std::fs::read(folder.join(format!("dashboard-{name}.png"))).unwrap();
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
        assert!(
            picture.len() < 150_000,
            "{name} has {} bytes",
            picture.len()
        );
    }
}

async fn write_pictures(folder: PathBuf) {
    let redis = Redis::start();
    let _fleet = Fleet::start(&redis);
    letter(&redis, "ab12").await;
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder).unwrap();
        let mut window = Window::open(&dashboard, "");
        window.wait_for("tr[data-id=books]");
        let long = "fetch('api/services/books/history?span=5m').then(answer => answer.json())
            .then(history => { window.seconds = history.to - history.time[0] }), window.seconds > 285";
        // Longer than any other condition of these tests.
        for _ in 0..5 {
            let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while window.browser.evaluate(long) != json!(true) && std::time::Instant::now() < until {
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
        }
        let service = ("service", "#/services/mail", PAGES[1].2);
        for (name, hash, ready) in [PAGES[0], service, PAGES[6]] {
            window.shape(1200, 760, "light");
            window.go(hash);
            window.wait_for(ready);
            if name == "action" {
                window.write("#field-title", "War and Peace");
                window.click("form button", "Call");
                window.wait_for_text("Answered");
                window.browser.evaluate("document.querySelector('#call').scrollIntoView()");
            }
            std::fs::write(folder.join(format!("dashboard-{name}.png")), window.shot()).unwrap();
        }
    })
    .await
    .unwrap();
}
