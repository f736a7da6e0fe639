//! Requests that are recorded by the middleware, and replayed.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use soa::middleware::{Record, WhenFull};
use soa::recording::RedisRecords;
use soa::{
    ActionError, Blob, Client, Date, Decimal, RedisClientTransport, RedisConnection, Server,
    ServerBuilder, UtcDateTime, service,
};

use crate::processes::Redis;
use crate::services::{Worker, redis_cli, settings};
use crate::support::{Run, soa_at, until};

/// The number of recorded calls.
const CALLS: u32 = 1_000;

#[soa::body]
#[derive(Clone)]
struct Order {
    number: u32,
    price: Decimal,
    day: Date,
    at: UtcDateTime,
    photo: Blob,
    card_number: Option<String>,
}

#[soa::body]
struct Ordered {
    number: u32,
    total: Decimal,
    day: Date,
    items: Vec<Item>,
    token: String,
}

#[soa::body]
struct Item {
    name: String,
    photo: Blob,
}

/// A shop, in two versions that differ in one field of the items.
struct Shop {
    suffix: &'static str,
}

#[service(name = "shop", version = "1.0.0")]
impl Shop {
    /// Prices an order, and changes nothing.
    #[action(idempotent)]
    async fn price(&self, order: Order) -> Result<Ordered, ActionError> {
        self.ordered(order)
    }

    /// Takes an order.
    #[action]
    async fn order(&self, order: Order) -> Result<Ordered, ActionError> {
        self.ordered(order)
    }
}

impl Shop {
    fn ordered(&self, order: Order) -> Result<Ordered, ActionError> {
        if order.number % 100 == 99 {
            return Err(ActionError::caller("NO_STOCK", "There is none").field("number"));
        }
        let item = |at: u32| Item {
            name: format!("item {at}{}", self.suffix),
            photo: order.photo.clone(),
        };
        Ok(Ordered {
            number: order.number,
            items: (0..2).map(item).collect(),
            total: order.price,
            day: order.day,
            token: format!("secret-of-answer-{}", order.number),
        })
    }
}

fn order(number: u32) -> Order {
    Order {
        number,
        price: format!("{number}.10").parse().unwrap(),
        day: Date::new(2026, 11, 21).unwrap(),
        at: "2026-11-21T08:30:00.250000Z".parse().unwrap(),
        photo: Blob::from([0, 255, 7]),
        card_number: None,
    }
}

fn shop(suffix: &'static str) -> ServerBuilder {
    Server::builder(Shop { suffix })
}

/// A file of its own for each test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replaying-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("shop.jsonl")
    }

    fn lines(&self) -> usize {
        std::fs::read_to_string(self.file()).map_or(0, |text| text.lines().count())
    }
}

fn client(redis: &Redis) -> Client {
    let transport = RedisClientTransport::new("shop", settings(redis)).unwrap();
    let client = Client::builder().caller("tests").service("shop", transport);
    client.build().unwrap()
}

/// Makes orders, at once as far as the queue allows.
async fn orders(client: &ShopClient, orders: Vec<Order>, is_idempotent: bool) {
    for part in orders.chunks(50) {
        let calls = part.iter().cloned().map(|order| async move {
            let number = order.number;
            let outcome = match is_idempotent {
                true => {
                    client
                        .price(order)
                        .context("locale", "fr_FR")
                        .switch(5)
                        .await
                }
                false => client.order(order).await,
            };
            match outcome {
                Ok(ordered) => assert_eq!(ordered.number, number),
                Err(error) => assert_eq!(error.errors()[0].code, "NO_STOCK", "{error}"),
            }
        });
        futures_util::future::join_all(calls).await;
    }
}

/// Records orders, and returns when all are in the file.
async fn recorded(redis: &Redis, folder: &Folder, count: u32, is_idempotent: bool) {
    let record = Record::to_file(folder.file()).max_rate(1_000_000);
    let server = shop("").action_middleware(record).build().unwrap();
    let worker = Worker::start(redis, server);
    let client = ShopClient::new(&client(redis));
    orders(&client, (0..count).map(order).collect(), is_idempotent).await;
    let lines = folder.lines();
    until("all calls are recorded", || {
        folder.lines() >= lines.max(count as usize)
    });
    worker.stop().await;
}

fn replay(redis: &Redis, folder: &Folder, arguments: &[&str]) -> Run {
    let file = folder.file();
    let mut all = vec!["replay", file.to_str().unwrap()];
    all.extend(arguments);
    soa_at(redis, &all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_recorded_calls_show_the_one_field_that_was_changed_and_no_other() {
    let (redis, folder) = (Redis::start(), Folder::new("thousand"));
    recorded(&redis, &folder, CALLS, true).await;
    let same = Worker::start(&redis, shop("").build().unwrap());
    let run = replay(&redis, &folder, &["--json", "--parallel", "20"]).ok();
    let report = run.json();
    assert_eq!(report["same"], CALLS, "{report}");
    assert_eq!(report["fields"].as_array().unwrap().len(), 0, "{report}");
    same.stop().await;

    let _changed = Worker::start(&redis, shop("!").build().unwrap());
    let run = replay(&redis, &folder, &["--json", "--parallel", "20"]);
    assert_eq!(run.code, Some(1), "{}", run.errors);
    let report = run.json();
    // One order of a hundred is answered with an error, as before.
    assert_eq!(
        (&report["different"], &report["same"]),
        (&990.into(), &10.into()),
        "{report}"
    );
    let fields = report["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 1, "{report}");
    assert_eq!(fields[0]["path"], "items.*.name");
    assert_eq!(
        (&fields[0]["calls"], &fields[0]["action"]),
        (&990.into(), &"shop.price".into())
    );
    let run = replay(&redis, &folder, &["--parallel", "20"]);
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!("replay_with_a_difference", run.out);
    let ignored = replay(
        &redis,
        &folder,
        &["--ignore", "items.*.name", "--parallel", "20"],
    )
    .ok();
    assert!(ignored.out.contains("1000 as recorded"), "{}", ignored.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_idempotent_actions_are_sent_unless_it_is_forced() {
    let (redis, folder) = (Redis::start(), Folder::new("idempotent"));
    recorded(&redis, &folder, 3, true).await;
    recorded(&redis, &folder, 2, false).await;
    until("both are recorded", || folder.lines() == 5);
    let _worker = Worker::start(&redis, shop("").build().unwrap());
    let report = replay(&redis, &folder, &["--json"]).ok().json();
    assert_eq!(
        (&report["sent"], &report["not_sent"]["not_idempotent"]),
        (&3.into(), &2.into())
    );
    let report = replay(&redis, &folder, &["--json", "--force"]).ok().json();
    assert_eq!(report["same"], 5, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_of_which_nothing_may_be_sent_is_no_success() {
    let (redis, folder) = (Redis::start(), Folder::new("nothing"));
    recorded(&redis, &folder, 2, false).await;
    let run = replay(&redis, &folder, &[]);
    assert_eq!(run.code, Some(2), "{}", run.out);
    assert!(run.errors.contains("`--force`"), "{}", run.errors);
    // Nobody answers: that is told at once, and not after the time limits of all.
    let run = replay(&redis, &folder, &["--force", "--timeout", "100ms"]);
    assert_eq!(run.code, Some(5), "{}{}", run.out, run.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_not_in_the_file_and_are_set_for_a_replay() {
    let (redis, folder) = (Redis::start(), Folder::new("secrets"));
    let record = Record::to_file(folder.file());
    let server = shop("").action_middleware(record).build().unwrap();
    let worker = Worker::start(&redis, server);
    let paid = Order {
        card_number: Some("4111-1111".to_owned()),
        ..order(1)
    };
    let client = ShopClient::new(&client(&redis));
    let call = client.price(paid).context("api_key", "key-of-tests");
    call.await.unwrap();
    until("it is recorded", || folder.lines() == 1);
    let text = std::fs::read_to_string(folder.file()).unwrap();
    for secret in ["4111", "secret-of-answer", "key-of-tests"] {
        assert!(!text.contains(secret), "{text}");
    }
    let mode = std::fs::metadata(folder.file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "the file is its owner's alone");
    worker.stop().await;
    let _worker = Worker::start(&redis, shop("").build().unwrap());
    let run = replay(&redis, &folder, &[]);
    assert_eq!(run.code, Some(2), "{}", run.out);
    assert!(
        run.errors.contains("`--field PATH=VALUE`"),
        "{}",
        run.errors
    );
    let known = ["--field", "card_number=1", "--context", "api_key=2"];
    let run = replay(&redis, &folder, &known);
    // The number is text for the schema, and JSON for the command line.
    assert_eq!(run.code, Some(1), "{}", run.out);
    let known = ["--field", r#"card_number="1""#, "--context", "api_key=2"];
    replay(&redis, &folder, &known).ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_full_disk_nor_a_path_that_cannot_be_written_fails_an_action() {
    for path in ["/dev/full", "/nowhere/at/all.jsonl"] {
        let server = shop("").action_middleware(Record::to_file(path));
        let client = ShopClient::local(server);
        for number in 0..20 {
            assert_eq!(client.price(order(number)).await.unwrap().number, number);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_and_the_one_beside_it_are_bounded() {
    let (redis, folder) = (Redis::start(), Folder::new("bounded"));
    const LIMIT: u64 = 20_000;
    let size = |name: &str| std::fs::metadata(folder.0.join(name)).map_or(0, |file| file.len());
    for when_full in [WhenFull::Rotate, WhenFull::Stop] {
        let record = Record::to_file(folder.file()).max_rate(1_000_000);
        let record = record.max_file_bytes(LIMIT).when_full(when_full);
        let server = shop("").action_middleware(record).build().unwrap();
        let worker = Worker::start(&redis, server);
        let client = ShopClient::new(&client(&redis));
        orders(&client, (0..200).map(order).collect(), true).await;
        let full = match when_full {
            WhenFull::Stop => "shop.jsonl",
            _ => "shop.jsonl.1",
        };
        until("a file is full", || size(full) > LIMIT * 9 / 10);
        worker.stop().await;
        let sizes = [size("shop.jsonl"), size("shop.jsonl.1")];
        assert!(sizes.iter().all(|size| *size <= LIMIT), "{sizes:?}");
        let names = std::fs::read_dir(&folder.0).unwrap();
        let names: BTreeSet<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["shop.jsonl".into(), "shop.jsonl.1".into()].into());
    }
    let _worker = Worker::start(&redis, shop("").build().unwrap());
    // The first writer may have been left amid its last change of files.
    until("there is a file", || folder.file().exists());
    replay(&redis, &folder, &[]).ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_disk_costs_records_and_no_time() {
    let folder = Folder::new("slow");
    let fifo = folder.0.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    // Nobody reads the pipe, so the writer waits for ever.
    let record = Record::to_file(&fifo).max_rate(1_000_000);
    let client = ShopClient::local(shop("").action_middleware(record));
    let all = async {
        for number in 0..3_000 {
            let _ = client.price(order(number)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(60), all).await;
    assert!(done.is_ok(), "the actions wait for the file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_from_a_queue_is_replayed_over_http_with_the_same_types() {
    let (redis, folder) = (Redis::start(), Folder::new("http"));
    recorded(&redis, &folder, 100, true).await;
    let router = soa::http::router(shop("").build().unwrap()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let file = folder.file();
    let run = crate::support::soa(&["replay", file.to_str().unwrap(), "--against", &url]).ok();
    assert_eq!(run.out.trim(), "100 records: 100 sent, 100 as recorded");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_in_redis_keeps_the_last_records_and_is_replayed() {
    let redis = Redis::start();
    let connection = RedisConnection::new(settings(&redis)).unwrap();
    let records = RedisRecords::on(&connection).max_records(100);
    let record = Record::to_sink(records).max_rate(1_000_000);
    let worker = Worker::start(&redis, shop("").action_middleware(record).build().unwrap());
    let client = ShopClient::new(&client(&redis));
    orders(&client, (0..300).map(order).collect(), true).await;
    let key = "{pysoa:service.shop}.recorded";
    let last = || redis_cli(&redis, &["xrevrange", key, "+", "-", "count", "1"]);
    // The answers come in any order, so that the last request need not be the last record.
    until("all are recorded", || {
        redis_cli(&redis, &["xinfo", "stream", key]).contains("\n300\n")
    });
    assert!(last().contains(r#""service": "shop""#), "{}", last());
    let length: u64 = redis_cli(&redis, &["xlen", key]).parse().unwrap();
    assert!((100..300).contains(&length), "{length}");
    let run = soa_at(&redis, &["replay", "--from-stream", "shop", "--json"]).ok();
    assert_eq!(run.json()["same"], length, "{}", run.out);
    worker.stop().await;
}
