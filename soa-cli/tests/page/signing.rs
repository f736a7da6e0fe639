//! A dashboard with a token.

use crate::processes::Redis;
use crate::window::{Dashboard, Window};

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_asked_for_and_the_page_can_be_left() {
    const TOKEN: &str = "a token of some length";
    let redis = Redis::start();
    let dashboard = Dashboard::start_with(&redis, "127.0.0.1:0", &["--token", TOKEN]);
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "");
        window.write("#token", "some other token");
        window.press("Enter");
        window.wait_for(".broken");
        window.write("#token", TOKEN);
        window.press("Enter");
        window.wait_for_text("No service can be seen in this Redis.");
        window.click("footer button", "Sign out");
        window.wait_for("#token");
        let text = window.text("body");
        assert!(!text.contains(TOKEN), "{text}");
    })
    .await
    .unwrap();
}
