//! A dashboard, and the window of a browser that shows it.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use crate::browser::Browser;
use crate::processes::Redis;
use crate::services::command;

/// A process of `soa dashboard`.
pub(crate) struct Dashboard {
    process: Child,
    /// The address of the page, with a slash at its end.
    pub(crate) url: String,
    /// Kept, so that the process can go on writing.
    _output: BufReader<ChildStdout>,
}

impl Dashboard {
    /// Starts one that may change things.
    pub(crate) fn start(redis: &Redis) -> Self {
        Self::start_with(redis, "127.0.0.1:0", &["--allow-changes"])
    }

    pub(crate) fn start_with(redis: &Redis, listen: &str, flags: &[&str]) -> Self {
        let address = redis.addresses();
        let mut arguments = vec!["dashboard", "--listen", listen, "--redis", &address];
        arguments.extend(["--interval", "1s"]);
        arguments.extend(flags);
        let mut process = command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut url = String::new();
        output.read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Self {
            process,
            url: url.trim().to_owned(),
            _output: output,
        }
    }

    /// The host and port that it listens on.
    pub(crate) fn address(&self) -> String {
        let address = self.url.trim_start_matches("http://");
        address.trim_end_matches('/').to_owned()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser at the page of a dashboard.
pub(crate) struct Window {
    pub(crate) browser: Browser,
    url: String,
    /// One browser after the other: each keeps a processor busy.
    _turn: MutexGuard<'static, ()>,
}

impl Window {
    /// Opens the page, at a place of it.
    pub(crate) fn open(dashboard: &Dashboard, hash: &str) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut window = Self {
            browser: Browser::start(),
            url: dashboard.url.clone(),
            _turn: turn,
        };
        window.shape(1280, 900, "light");
        let hidden = json!({ "hidden": true });
        window
            .browser
            .command("Emulation.setScrollbarsHidden", hidden);
        window.browser.open(&format!("{}{hash}", window.url));
        window
    }

    /// Goes to a place of the page.
    pub(crate) fn go(&mut self, hash: &str) {
        let hash = Json::from(hash);
        self.browser.evaluate(&format!("location.hash = {hash}"));
    }

    /// Sets the size of the window and the colours of the system.
    pub(crate) fn shape(&mut self, width: u32, height: u32, colours: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.browser
            .command("Emulation.setDeviceMetricsOverride", size);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        self.browser.command("Emulation.setEmulatedMedia", media);
    }

    /// Waits until a text is on the page.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        let text = Json::from(text);
        let shown = format!("document.querySelector('#app').innerText.includes({text})");
        self.browser.wait_for(&shown);
    }

    /// Waits until an element is there.
    pub(crate) fn wait_for(&mut self, selector: &str) {
        let selector = Json::from(selector);
        self.browser
            .wait_for(&format!("document.querySelector({selector}) !== null"));
    }

    /// Clicks the first element of a selector with a text, as soon as it is there and can be used.
    pub(crate) fn click(&mut self, selector: &str, text: &str) {
        let (selector, text) = (Json::from(selector), Json::from(text));
        self.browser.wait_for(&format!(
            "(() => {{
                const all = [...document.querySelectorAll({selector})];
                const found = all.find(one => !one.disabled && one.innerText.includes({text}));
                found?.click();
                return found !== undefined;
            }})()"
        ));
    }

    /// Writes into a field, as a person does: it gets the focus, and what was there is replaced.
    pub(crate) fn write(&mut self, selector: &str, text: &str) {
        self.wait_for(selector);
        let selector = Json::from(selector);
        let focus = format!(
            "(() => {{ const field = document.querySelector({selector}); field.focus(); field.select?.(); }})()"
        );
        self.browser.evaluate(&focus);
        self.browser
            .command("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key: a character, or a key with a name.
    pub(crate) fn press(&mut self, key: &str) {
        let mut down = json!({ "type": "keyDown", "key": key });
        if key.len() == 1 {
            down["text"] = key.into();
        }
        // What the browser does by itself at a key, it does by its number.
        match key {
            "Enter" => {
                down["text"] = "\r".into();
                down["windowsVirtualKeyCode"] = 13.into();
            }
            "Escape" => down["windowsVirtualKeyCode"] = 27.into(),
            _ => {}
        }
        self.browser.command("Input.dispatchKeyEvent", down);
        let up = json!({ "type": "keyUp", "key": key });
        self.browser.command("Input.dispatchKeyEvent", up);
    }

    /// The text of the first element of a selector.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        self.wait_for(selector);
        let selector = Json::from(selector);
        let text = format!("document.querySelector({selector}).innerText");
        let text = self.browser.evaluate(&text);
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Keeps a picture of the window, in the folder of the build.
    pub(crate) fn picture(&mut self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../dashboard-pictures");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.shot()).unwrap();
    }

    /// The picture of the window, as PNG.
    pub(crate) fn shot(&mut self) -> Vec<u8> {
        let shot = self
            .browser
            .command("Page.captureScreenshot", json!({ "format": "png" }));
        from_base64(shot["data"].as_str().unwrap())
    }

    /// Asserts that only the dashboard was asked, and that the browser has nothing to complain about.
    pub(crate) fn assert_clean(&self) {
        let foreign =
            |asked: &&String| !asked.starts_with(&self.url) && !asked.starts_with("data:");
        let foreign: Vec<&String> = self.browser.requests.iter().filter(foreign).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        assert_eq!(self.browser.complaints, Vec::<Json>::new());
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte| DIGITS.iter().position(|digit| *digit == byte);
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for value in text.bytes().map_while(digit) {
        bits = (bits << 6) | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    bytes
}
