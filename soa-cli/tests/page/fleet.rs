//! A small fleet: a shop whose orders are looked up in `books` and `readers`, and told by `mail`.

use std::time::Duration;

use soa::{
    ActionError, Client, Context, Date, Decimal, RedisClientTransport, Server, Value, service,
    value,
};
use tokio::task::JoinHandle;

use crate::processes::Redis;
use crate::services::{Worker, dead_letter, send, settings};

#[soa::body(closed)]
struct Wanted {
    /// A part of the title
    title: String,
    /// Most books that are returned
    limit: Option<u16>,
    /// Shelves to look at
    shelves: Option<Vec<String>>,
    /// Highest price
    price: Option<Decimal>,
    /// First day of print
    since: Option<Date>,
}

#[soa::body]
struct Found {
    titles: Vec<String>,
}

struct Books;

/// Books, and where they stand.
#[service(name = "books", version = "3.1.0")]
impl Books {
    /// Finds books by their title.
    #[action]
    async fn find(&self, wanted: Wanted) -> Result<Found, ActionError> {
        if wanted.title == "nothing" {
            return Err(ActionError::caller("NOT_FOUND", "There is no such book").field("title"));
        }
        Ok(Found {
            titles: vec![wanted.title],
        })
    }

    /// Counts all books.
    #[action]
    async fn count(&self, _: Value) -> Result<Value, ActionError> {
        Ok(value!({ "books": 1250 }))
    }
}

/// A fleet that works until this is dropped.
pub(crate) struct Fleet {
    _workers: Vec<Worker>,
    traffic: JoinHandle<()>,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.traffic.abort();
    }
}

fn client(redis: &Redis, caller: &str) -> Client {
    let mut client = Client::builder().caller(caller);
    for name in ["books", "mail", "readers", "shop"] {
        let transport = RedisClientTransport::new(name, settings(redis)).unwrap();
        client = client.service(name, transport);
    }
    client.build().unwrap()
}

fn shop(redis: &Redis) -> Server {
    Server::untyped("shop", "1.4.2")
        .action("order", |body: Value, cx: Context| async move {
            let reader = cx.soa_client().call_action("readers", "get", &body);
            reader.await.map_err(ActionError::from)?;
            let found = cx.soa_client().call_action("books", "find", &body);
            found.await.map_err(ActionError::from)?;
            // Who mails nothing is not told of it.
            let mailed = cx.soa_client().call_action("mail", "send", &body);
            let _ = mailed.await;
            Ok::<_, ActionError>(value!({ "accepted": true }))
        })
        .client(client(redis, "shop"))
        .records(true)
        .build()
        .unwrap()
}

fn readers() -> Server {
    Server::untyped("readers", "2.0.3")
        .action("get", |_: Value, _: Context| async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            Ok::<_, ActionError>(value!({ "name": "a reader" }))
        })
        .records(true)
        .build()
        .unwrap()
}

fn mail() -> Server {
    Server::untyped("mail", "0.9.1")
        .action("send", |body: Value, _: Context| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            match body.get("title").and_then(Value::as_str) {
                Some("lost") => Err(ActionError::server(
                    "NO_ADDRESS",
                    "The reader has no address",
                )),
                _ => Ok(value!({})),
            }
        })
        .records(true)
        .build()
        .unwrap()
}

fn books() -> Server {
    Server::builder(Books).records(true).build().unwrap()
}

impl Fleet {
    /// Starts it, with orders that go on.
    pub(crate) fn start(redis: &Redis) -> Self {
        let servers = [books(), books(), mail(), readers(), shop(redis)];
        let workers = servers.map(|server| Worker::start(redis, server));
        let client = client(redis, "front");
        let traffic = tokio::spawn(async move {
            for number in 0_u64.. {
                let title = if number % 20 == 0 { "lost" } else { "found" };
                let order = client.call_action("shop", "order", &value!({ "title": title }));
                // An order that fails while Redis is away is not what is tested.
                let _ = order.await;
                tokio::time::sleep(Duration::from_millis(
                    10 + number % 7 * 5 + number / 200 % 3 * 15,
                ))
                .await;
            }
        });
        Self {
            _workers: Vec::from(workers),
            traffic,
        }
    }
}

/// Sends a job to `images`, and waits for no answer.
pub(crate) async fn request(redis: &Redis) {
    send(redis, "images", &secret()).await;
}

/// Makes a dead letter of `images`.
pub(crate) async fn letter(redis: &Redis, id: &str) {
    dead_letter(redis, "images", id, &secret()).await;
}

/// A body that must not be shown as a whole.
fn secret() -> Value {
    value!({ "width": 640, "password": "hunter22" })
}
