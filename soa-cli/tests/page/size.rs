//! A large fleet on the page.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::processes::Redis;
use crate::services::redis_cli;
use crate::window::{Dashboard, Window};

/// Time for which the main thread is watched.
const WATCHED: Duration = Duration::from_secs(5);

/// Writes the records of 200 services with 10 workers each, as the workers do.
fn records(redis: &Redis) {
    let script = r#"
        for service = 1, 200 do
          local name = string.format('service-%03d', service)
          for worker = 1, 10 do
            local record = { service = name, version = '1.0.0', host = 'h' .. worker, pid = worker, started = 1,
              concurrency = 256, running = 1, lately_seconds = 10,
              actions = { find = { calls = 100, callers = { shop = 100 }, times = {40, 100}, lately = {40, 100} } } }
            redis.call('SET', '{pysoa:service.' .. name .. '}.worker.' .. worker, cjson.encode(record), 'PX', 600000)
          end
        end
        return 'done'"#;
    assert_eq!(redis_cli(redis, &["EVAL", script, "0"]), "done");
}

/// The share of the time in which the main thread of the page works.
fn busy_share(window: &mut Window) -> f64 {
    let mut seconds = || {
        let metrics = window.browser.command("Performance.getMetrics", json!({}));
        let metrics = metrics["metrics"].as_array().unwrap().clone();
        let of = |name: &str| {
            let metric = metrics.iter().find(|metric| metric["name"] == name);
            metric.and_then(|metric| metric["value"].as_f64()).unwrap()
        };
        (of("TaskDuration"), of("Timestamp"))
    };
    let before = seconds();
    std::thread::sleep(WATCHED);
    let after = seconds();
    (after.0 - before.0) / (after.1 - before.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_services_with_two_thousand_workers_keep_the_page_quick() {
    let redis = Redis::start();
    records(&redis);
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "");
        let ready = "document.querySelectorAll('tr[data-id]').length > 10";
        window.browser.wait_for(ready);
        // Again, with the dashboard at work: from the request of the page to the rows.
        let begun = Instant::now();
        window.browser.open("about:blank");
        window.browser.open(&dashboard.url);
        window.browser.wait_for(ready);
        println!("the page is ready after {:?}", begun.elapsed());
        let rows = window
            .browser
            .evaluate("document.querySelectorAll('tr[data-id]').length");
        assert!(
            rows.as_u64().unwrap() < 60,
            "only rows in sight are in the document: {rows}"
        );
        // The callers of all, `shop`, have no worker and are seen all the same.
        window.wait_for_text("201 services");
        window.browser.command("Performance.enable", json!({}));
        for (place, hash) in [
            ("fleet", "#/"),
            ("service", "#/services/service-007"),
            ("graph", "#/graph"),
        ] {
            window.go(hash);
            window
                .browser
                .wait_for("document.querySelector('.loading') === null");
            let share = busy_share(&mut window);
            println!(
                "at rest, {place}: {:.1} % of the main thread",
                share * 100.0
            );
            // On a machine with two busy processors; a quiet one has a fifth of it.
            assert!(share < 0.5, "{place}: {share}");
        }
        // The last row is reached by the keyboard, though it was not in the document.
        window.go("#/");
        window.wait_for("table.fleet tr[data-index='0']");
        window.press("j");
        window
            .browser
            .wait_for("document.activeElement.closest('tr') !== null");
        window.press("End");
        window
            .browser
            .wait_for("document.activeElement.closest('tr')?.dataset.index === '200'");
        assert_eq!(window.browser.complaints, Vec::<Json>::new());
    })
    .await
    .unwrap();
}
