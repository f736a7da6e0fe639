//! A browser without a window, led by the DevTools protocol over pipes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// The time that a browser on a busy machine may take for one step.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Browser {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Json>,
    session: Option<String>,
    last_id: u64,
    profile: PathBuf,
    /// The addresses that the page has asked for.
    pub(crate) requests: Vec<String>,
    /// The errors in the console, among them what the policy of the page has stopped.
    pub(crate) complaints: Vec<Json>,
}

impl Browser {
    /// Starts Chromium, with a page.
    pub(crate) fn start() -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile = format!("soa-page-{}-{number}", std::process::id());
        let profile = std::env::temp_dir().join(profile);
        let _ = fs::remove_dir_all(&profile);
        fs::create_dir_all(&profile).unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        // Chromium reads commands from the descriptor 3 and writes answers to 4. A shell makes them of the pipes of a child.
        let mut process = Command::new("sh")
            .args([
                "-c",
                "exec 3<&0 4>&1 </dev/null >&2; exec \"$@\"",
                "sh",
                &program,
            ])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(profile.join("errors.log")).unwrap())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in output.split(0) {
                let Ok(message) = message else { return };
                if message.is_empty()
                    || sender
                        .send(serde_json::from_slice(&message).unwrap())
                        .is_err()
                {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            input,
            messages,
            session: None,
            last_id: 0,
            profile,
            requests: Vec::new(),
            complaints: Vec::new(),
        };
        let target = browser.command("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = browser.command(
            "Target.attachToTarget",
            json!({ "targetId": target["targetId"], "flatten": true }),
        );
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.command(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    pub(crate) fn open(&mut self, url: &str) {
        let opened = self.command("Page.navigate", json!({ "url": url }));
        assert_eq!(opened["errorText"], Json::Null, "{url}");
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            // A page that is being replaced has no answer.
            let found = self.run(expression);
            if found
                .as_ref()
                .is_ok_and(|value| !matches!(value, Json::Null | Json::Bool(false)))
            {
                return;
            }
            if Instant::now() > until {
                let shown = self.run("document.body.innerText");
                panic!(
                    "{expression} is {found:?}; the console: {:#?}; the page: {shown:?}",
                    self.complaints
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn evaluate(&mut self, expression: &str) -> Json {
        let value = self.run(expression);
        value.unwrap_or_else(|problem| panic!("{expression}: {problem}"))
    }

    fn run(&mut self, expression: &str) -> Result<Json, Json> {
        let arguments = json!({ "expression": expression, "returnByValue": true });
        let answer = self.command("Runtime.evaluate", arguments);
        match &answer["exceptionDetails"] {
            Json::Null => Ok(answer["result"]["value"].clone()),
            problem => Err(problem.clone()),
        }
    }

    /// Sends a command of the DevTools protocol, and returns its answer.
    pub(crate) fn command(&mut self, method: &str, arguments: Json) -> Json {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": arguments });
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        let sent = self.input.write_all(format!("{command}\0").as_bytes());
        if let Err(error) = sent.and_then(|()| self.input.flush()) {
            self.fail(&format!("cannot be told {method}: {error}"));
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = match self.messages.recv_timeout(left) {
                Ok(message) => message,
                Err(error) => self.fail(&format!("does not answer {method}: {error}")),
            };
            if message["id"] == self.last_id {
                assert_eq!(message["error"], Json::Null, "{method}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Json) {
        let said = &event["params"];
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = said["request"]["url"].as_str().unwrap_or_default();
                self.requests.push(url.to_owned());
            }
            Some("Log.entryAdded") if said["entry"]["level"] == "error" => {
                self.complaints.push(said["entry"].clone());
            }
            Some("Runtime.exceptionThrown") => {
                self.complaints.push(said["exceptionDetails"].clone())
            }
            _ => {}
        }
    }

    fn fail(&self, problem: &str) -> ! {
        let log = fs::read_to_string(self.profile.join("errors.log")).unwrap_or_default();
        panic!(
            "the browser {problem}. This test needs Chromium: on Debian, apt-get install chromium, or set CHROMIUM. It \
             says:\n{log}"
        );
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let close = json!({ "id": 0, "method": "Browser.close" });
        let _ = self.input.write_all(format!("{close}\0").as_bytes());
        let until = Instant::now() + Duration::from_secs(10);
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}
