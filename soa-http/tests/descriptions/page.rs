//! The page: its files, and what a browser makes of it.

mod browser;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

use crate::support::{COMPONENT, document, send, send_request};
use browser::Browser;

#[tokio::test]
async fn the_page_and_its_files_are_sent_with_a_policy_that_lets_nothing_else_in() {
    let router = soa_http::router(COMPONENT.clone()).unwrap();
    let page = send(&router, "GET /docs", None).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    for (name, expected) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(page.header(name), expected);
    }
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    assert!(
        !page.text().contains("<script>") && !page.text().contains("http"),
        "{}",
        page.text()
    );
    for (file, kind) in [
        ("start.js", "text/javascript; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("favicon-32x32.png", "image/png"),
    ] {
        assert!(page.text().contains(&format!("\"docs/{file}\"")), "{file}");
        let request = Request::get(format!("/docs/{file}")).header("Accept-Encoding", "gzip");
        let answer = send_request(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, kind),
            "{file}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{file}");
    }
}

#[tokio::test]
async fn other_paths_of_the_page_lead_to_it_wherever_it_is_mounted() {
    let router = soa_http::router(COMPONENT.clone()).unwrap();
    for (path, location) in [("/redoc", "docs"), ("/docs/", "../docs")] {
        let answer = send(&router, &format!("GET {path}"), None).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (307, location),
            "{path}"
        );
    }
}

/// Opens a server that is mounted below a path, and gives its address to a function on a thread of its own.
async fn with_server(run: impl FnOnce(&str) + Send + 'static) {
    let doors = soa_http::router(COMPONENT.clone()).unwrap();
    let router = axum::Router::new().nest("/shop", doors);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let done = tokio::task::spawn_blocking(move || run(&format!("http://{address}/shop")));
    let outcome = done.await;
    server.abort();
    outcome.unwrap();
}

/// Returns a script about the block of an operation: a step that is tried until it returns something.
fn step(operation: &str, text: &str) -> String {
    format!(
        "(() => {{
            const block = document.getElementById('operations-{operation}');
            // React watches its fields by their setters, and the page waits for a pause or for the end of typing.
            const type = (field, text) => {{
                Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, text);
                ['input', 'focusout'].forEach(name => field.dispatchEvent(new Event(name, {{ bubbles: true }})));
            }};
            {text}
        }})()"
    )
}

/// Opens a block, and lets its call be tried.
const OPEN: &str = "
    const button = block.querySelector('.try-out__btn');
    (button ?? block.querySelector('button')).click();
    return button != null;
";

/// Calls the action, and returns what the page shows of the answer.
const ANSWER: &str = "
    const answer = block.querySelector('.live-responses-table .response');
    if (answer == null) block.querySelector('.execute')?.click();
    return answer?.innerText;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_all_routes_on_the_page_and_calls_an_action() {
    with_server(|url| {
        let mut browser = Browser::start();
        browser.open(&format!("{url}/redoc"));
        let paths = document(COMPONENT.clone())["paths"].clone();
        let operations = paths.as_object().unwrap().values();
        let operations: usize = operations.map(|item| item.as_object().unwrap().len()).sum();
        browser.wait_for(&format!(
            "document.querySelectorAll('.opblock').length == {operations}"
        ));
        assert_eq!(
            browser.evaluate("document.title"),
            json!("example-component")
        );
        assert_eq!(
            browser.evaluate("document.URL.split('#')[0]"),
            json!(format!("{url}/docs"))
        );

        // A call by GET, with a path and a query.
        let hello = "greetings-example_rest_hello";
        browser.wait_for(&step(hello, OPEN));
        browser.wait_for(&step(
            hello,
            "const fields = block.querySelectorAll('.parameters input');
             if (fields.length != 2 || fields[0].disabled) return false;
             type(fields[0], 'a/b ü');
             type(fields[1], '2');
             return true;",
        ));
        browser.wait_for(&step(hello, ANSWER));
        let shown = browser.evaluate(&step(hello, ANSWER));
        let shown = shown.as_str().unwrap_or_default();
        assert!(
            shown.contains("200") && shown.contains("hello a/b ü, hello a/b ü"),
            "{shown}"
        );

        // A call by POST, with the body that the page suggests.
        let add = "ExampleRest-example_rest_add_item";
        browser.wait_for(&step(add, OPEN));
        browser.wait_for(&step(add, "return block.querySelector('textarea') != null"));
        browser.wait_for(&step(add, ANSWER));
        let shown = browser.evaluate(&step(add, ANSWER));
        let shown = shown.as_str().unwrap_or_default();
        assert!(
            shown.contains("200") && shown.contains("\"labels\""),
            "{shown}"
        );

        let foreign = browser
            .requests
            .iter()
            .filter(|asked| !asked.starts_with(url) && !asked.starts_with("data:"));
        assert_eq!(
            foreign.collect::<Vec<_>>(),
            [""; 0],
            "only this server is asked"
        );
        assert_eq!(browser.complaints, Vec::<Json>::new());
    })
    .await;
}
