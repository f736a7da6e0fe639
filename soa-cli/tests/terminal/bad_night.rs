//! The guide on operating a fleet: its bad night happens here, and each command prints what the guide says, apart from numbers.
//!
//! With `SOA_WRITE=1` the guide is written anew.

use std::path::PathBuf;
use std::time::Duration;

use soa::{
    ActionError, Client, Context, RedisClientTransport, Server, Service, Value, service, value,
};

use crate::processes::Redis;
use crate::python::reference_service;
use crate::services::{Worker, command, redis_cli, settings};
use crate::support::{outcome, soa_at, steady, until};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../soa/src/docs/operating.md");

/// The address that the guide has in place of that of a test.
const ADDRESS: &str = "127.0.0.1:6379";

#[soa::body(closed)]
struct Wanted {
    title: String,
}

#[soa::body]
struct Found {
    found: bool,
    title: String,
}

/// The service that everything is about.
struct Books;

#[service(name = "books", version = "3.1.0")]
impl Books {
    #[action]
    async fn find(&self, wanted: Wanted) -> Result<Found, ActionError> {
        Ok(Found {
            found: true,
            title: wanted.title,
        })
    }
}

#[soa::body(closed)]
struct WantedNow {
    title: String,
    shelf: Option<String>,
}

/// Another build under the same version, which works less well.
struct OtherBooks;

#[service(name = "books", version = "3.1.0")]
impl OtherBooks {
    #[action]
    async fn find(&self, wanted: WantedNow) -> Result<Found, ActionError> {
        let shelf = wanted.shelf.unwrap_or_default();
        let message = format!("there is no shelf {shelf:?} for {}", wanted.title);
        Err(ActionError::server("SHELF", message))
    }
}

fn books<S: Service>(service: S) -> Server {
    let server = Server::builder(service).records(true);
    server.build().unwrap()
}

fn client(redis: &Redis) -> Client {
    let mut client = Client::builder().caller("nightly");
    for name in ["books", "orders", "mail"] {
        let transport = RedisClientTransport::new(name, settings(redis)).unwrap();
        client = client.service(name, transport);
    }
    client.build().unwrap()
}

/// A service `orders`, whose one action calls `mail` and `books`.
fn orders(redis: &Redis) -> Server {
    Server::untyped("orders", "1.4.2")
        .action("order", |body: Value, cx: Context| async move {
            let told = cx.soa_client().call_action("mail", "status", &value!({}));
            told.await.map_err(ActionError::from)?;
            let title = body.get("title").cloned().unwrap_or(Value::Nil);
            let body = value!({ "title": title });
            let call = cx.soa_client().call_action("books", "find", &body);
            let found = call.timeout(Duration::from_millis(500)).await;
            found.map_err(ActionError::from)?;
            Ok::<_, ActionError>(value!({ "accepted": true }))
        })
        .client(client(redis))
        .records(true)
        .build()
        .unwrap()
}

/// The guide, in which outputs are compared or replaced.
struct Guide {
    text: String,
    folder: PathBuf,
    redis: String,
    differences: Vec<String>,
}

impl Guide {
    fn open(redis: &Redis) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bad-night");
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            text: std::fs::read_to_string(GUIDE).unwrap(),
            folder,
            redis: redis.addresses(),
            differences: Vec::new(),
        }
    }

    /// Executes the commands below a heading, and compares what they print.
    fn play(&mut self, heading: &str) {
        let start = self.text.find(&format!("\n{heading}\n")).unwrap() + 1;
        let rest = &self.text[start..];
        let length = rest[1..].find("\n#").map_or(rest.len(), |end| end + 2);
        let section = rest[..length].to_owned();
        let mut played = self.section(&section);
        // What changes nothing may look again: on a busy machine an answer may have been late.
        for _ in 0..5 {
            if section.contains("--yes") || steady(&played) == steady(&section) {
                break;
            }
            played = self.section(&section);
        }
        if steady(&played) != steady(&section) {
            self.differences.push(played.clone());
        }
        self.text.replace_range(start..start + length, &played);
    }

    /// Executes the commands of a section.
    fn section(&self, section: &str) -> String {
        let mut played = String::new();
        for (index, part) in section.split("```").enumerate() {
            let fence = if index > 0 { "```" } else { "" };
            match part.strip_prefix("text\n$ ") {
                Some(block) => played += &format!("{fence}text\n{}", self.block(block)),
                None => played += &format!("{fence}{part}"),
            }
        }
        played
    }

    /// Executes the commands of a block, each of which follows a `$`.
    fn block(&self, block: &str) -> String {
        let mut out = String::new();
        for part in block.split("\n$ ") {
            let (line, after) = part.split_once('\n').unwrap_or((part, ""));
            out += &format!("$ {line}\n");
            let words = words(line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["cat", file] => {
                    std::fs::write(self.folder.join(file), after).unwrap();
                    out += after.trim_end();
                    out.push('\n');
                }
                ["soa", arguments @ ..] => out += &self.printed(arguments),
                _ => panic!("the guide has a command that the test does not know: {line}"),
            }
        }
        out
    }

    fn printed(&self, arguments: &[&str]) -> String {
        let mut command = command(arguments);
        command
            .env("SOA_REDIS", &self.redis)
            .current_dir(&self.folder);
        let run = outcome(&command.output().unwrap());
        let printed = run.out + &run.errors;
        printed.replace(&self.redis, ADDRESS)
    }

    fn close(self) {
        if std::env::var_os("SOA_WRITE").is_some() {
            std::fs::write(GUIDE, self.text).unwrap();
            return;
        }
        assert!(
            self.differences.is_empty(),
            "the guide differs from what is printed; write it anew with SOA_WRITE=1:\n{}",
            self.differences.join("\n")
        );
    }
}

/// The words of a command line, of which some are in quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

/// Calls `orders` so often that the numbers of lately have it.
async fn order(redis: &Redis, count: usize) {
    let client = client(redis);
    for _ in 0..count {
        let body = value!({ "title": "Nemesis" });
        let call = client.call_action("orders", "order", &body);
        let _ = call.timeout(Duration::from_secs(5)).await;
    }
}

async fn send(redis: &Redis, action: &'static str, body: Value, count: usize) {
    let client = client(redis);
    for _ in 0..count {
        let call = client.call_action("books", action, &body);
        call.timeout(Duration::from_secs(300))
            .send_and_forget()
            .await
            .unwrap();
    }
}

fn workers(redis: &Redis, service: &str) -> serde_json::Value {
    let run = soa_at(redis, &["workers", "--service", service, "--json"]);
    run.ok().json()["workers"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bad_night_of_the_guide_happens_as_it_says() {
    let redis = Redis::start();
    redis_cli(&redis, &["CONFIG", "SET", "maxmemory", "500mb"]);
    let mut guide = Guide::open(&redis);

    let _orders = Worker::start(&redis, orders(&redis));
    let _mail = reference_service(&redis, "mail");
    until("mail answers", || {
        soa_at(&redis, &["status", "mail"]).code == Some(0)
    });
    let import = value!({ "file": "s3://night/1.csv", "password": "secret" });
    send(&redis, "import", import.clone(), 1).await;
    send(&redis, "find", value!({ "title": "Nemesis" }), 40).await;
    send(&redis, "import", import, 2).await;
    order(&redis, 3).await;
    until("orders tells of its failures", || {
        workers(&redis, "orders")[0]["called"]["books"]["failed"] == 3
    });
    guide.play("## A stuck queue");

    guide.play("## A poison message");
    redis_cli(&redis, &["DEL", "pysoa:service.books"]);

    let sound = Worker::start(&redis, books(Books));
    let other = Worker::start(&redis, books(OtherBooks));
    until("both builds tell, and some calls have failed", || {
        soa_at(
            &redis,
            &[
                "call",
                "books.find",
                "title: Nemesis",
                "--repeat",
                "20",
                "--raw",
            ],
        );
        let workers = workers(&redis, "books");
        let failed = |index: usize| workers[index]["actions"]["find"]["errors"]["SHELF"].as_u64();
        let calls = |index: usize| workers[index]["actions"]["find"]["calls"].as_u64();
        let both = calls(0).and(calls(1)).is_some();
        both && failed(0).or(failed(1)).is_some_and(|failed| failed > 20)
    });
    guide.play("## A version that is rolled back");
    other.stop().await;

    until("books answers again", || {
        let call = [
            "call",
            "books.find",
            "title: Nemesis",
            "--raw",
            "--timeout",
            "1s",
        ];
        soa_at(&redis, &call).code == Some(0)
    });
    guide.play("## Is it well again?");
    drop(sound);
    guide.close();
}
