//! The page of the fleet: what its server answers, whom it refuses, and what becomes of it without Redis.

mod changing;
mod guarding;
mod hostile;
mod large;
mod losing;
mod showing;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

use crate::processes::Redis;
use crate::services::command;
use crate::support::until;

/// Time after which an answer is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The server as a process. It is killed when this is dropped.
pub(super) struct Dashboard {
    child: Child,
    /// Host and port.
    pub(super) address: String,
    /// It is kept open, as the server may write more.
    _out: BufReader<ChildStdout>,
}

impl Dashboard {
    /// Starts one for a Redis, on a free port, with these flags.
    pub(super) fn start(redis: &Redis, flags: &[&str]) -> Self {
        Self::at(&redis.addresses(), flags)
    }

    /// Starts one for the Redis at an address.
    pub(super) fn at(redis: &str, flags: &[&str]) -> Self {
        let mut all = vec!["dashboard", "--listen", "127.0.0.1:0", "--redis", redis];
        all.extend(["--interval", "1s"]);
        all.extend(flags);
        let mut child = command(&all).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        out.read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap();
        Self {
            child,
            address: address.trim_end_matches('/').to_owned(),
            _out: out,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub(super) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends a request, as a program does.
    pub(super) fn ask(&self, request: &Request<'_>) -> Reply {
        let mut stream = self.send(request);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Reply::read(&bytes)
    }

    /// Sends a request, whose answer is read elsewhere.
    pub(super) fn send(&self, request: &Request<'_>) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
        let body = request.body.unwrap_or_default();
        let host = request.host.unwrap_or(&self.address);
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\n",
            request.method, request.path
        );
        for (name, value) in &request.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(
            head,
            "Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.ask(&Request::get(path))
    }

    /// The JSON of an answer that is a success.
    #[track_caller]
    pub(super) fn json(&self, path: &str) -> Json {
        self.get(path).ok()
    }

    /// Posts JSON as the page does.
    pub(super) fn post(&self, path: &str, body: &Json) -> Reply {
        self.ask(&Request::post(path, &body.to_string()))
    }

    /// Waits until an answer is as wanted, and returns it.
    pub(super) fn until(&self, what: &str, path: &str, fits: impl Fn(&Json) -> bool) -> Json {
        let mut last = Json::Null;
        until(what, || {
            let reply = self.get(path);
            if reply.status == 200 {
                last = reply.json();
            }
            fits(&last)
        });
        last
    }

    /// Waits until a service is seen as wanted.
    pub(super) fn until_service(&self, name: &str, fits: impl Fn(&Json) -> bool) -> Json {
        let fleet = self.until(&format!("{name} is seen"), "/api/fleet", |fleet| {
            service(fleet, name).is_some_and(&fits)
        });
        service(&fleet, name).unwrap().clone()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service in an answer with the fleet.
pub(super) fn service<'a>(fleet: &'a Json, name: &str) -> Option<&'a Json> {
    let services = fleet["services"].as_array()?;
    services.iter().find(|service| service["name"] == name)
}

/// A request.
#[derive(Clone)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) host: Option<&'a str>,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) body: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            host: None,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(super) fn post(path: &'a str, body: &'a str) -> Self {
        Self {
            method: "POST",
            path,
            host: None,
            headers: vec![
                ("Content-Type", "application/json"),
                ("X-Soa-Dashboard", "1"),
            ],
            body: Some(body),
        }
    }

    pub(super) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(super) fn at(mut self, host: &'a str) -> Self {
        self.host = Some(host);
        self
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Reply {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        Self {
            status: status.parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    #[track_caller]
    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON of a success.
    #[track_caller]
    pub(super) fn ok(&self) -> Json {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("Content-Type"), Some("application/json"));
        self.json()
    }

    /// The status and the code of a refusal, and its message.
    #[track_caller]
    pub(super) fn refusal(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        let text = |key: &str| error[key].as_str().unwrap().to_owned();
        (self.status, text("code"), text("message"))
    }
}

/// A name as a part of a path.
pub(super) fn encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte.is_ascii_alphanumeric() {
            true => out.push(char::from(byte)),
            false => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
