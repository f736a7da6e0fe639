//! Sessions: a value for each token, with an expiry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soa::middleware::{
    Authentication, Credentials, Denied, Identity, MemorySessions, SessionError, SessionStore,
    Sessions,
};
use soa::{
    ActionError, BoxFuture, Client, Context, LocalTransport, Server, ServerBuilder, Value, value,
};

const MINUTE: Duration = Duration::from_secs(60);

#[soa::body]
#[derive(Debug, Clone, PartialEq)]
struct Cart {
    books: Vec<String>,
}

fn cart(books: &[&str]) -> Cart {
    Cart {
        books: books.iter().map(|book| (*book).to_owned()).collect(),
    }
}

/// A shop whose callers have a cart each.
fn shop() -> ServerBuilder {
    Server::untyped("shop", "1.0.0")
        .action("add", |body: Value, cx: Context| async move {
            let mut cart: Cart = cx.session().await?.unwrap_or(Cart { books: vec![] });
            let book = body.get("book").and_then(Value::as_str).unwrap_or_default();
            cart.books.push(book.to_owned());
            cx.set_session(&cart).await?;
            Ok::<_, ActionError>(value!({ "count": (cart.books.len()) }))
        })
        .action("log_out", |_: Value, cx: Context| async move {
            Ok::<_, ActionError>(value!({ "ended": (cx.end_session().await?) }))
        })
        .action("look", |_: Value, cx: Context| async move {
            let cart: Option<Cart> = cx.session().await?;
            Ok::<_, ActionError>(value!({ "has_cart": (cart.is_some()) }))
        })
}

fn client(server: ServerBuilder) -> Client {
    let server = LocalTransport::new(server.build().unwrap());
    Client::builder().service("shop", server).build().unwrap()
}

async fn call(client: &Client, action: &'static str, token: &str) -> Value {
    let call = client.call_action("shop", action, &value!({ "book": "Emma" }));
    call.context("token", token).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_token_has_a_session_that_ends_when_it_is_removed_or_expires() {
    let sessions = Sessions::in_memory().expiry(MINUTE);
    let client = client(shop().job_middleware(sessions.clone()));
    assert_eq!(call(&client, "add", "ada").await, value!({ "count": 1 }));
    assert_eq!(call(&client, "add", "ada").await, value!({ "count": 2 }));
    assert_eq!(call(&client, "add", "bob").await, value!({ "count": 1 }));
    let of_ada = sessions.of("ada").get().await.unwrap();
    assert_eq!(of_ada, Some(cart(&["Emma", "Emma"])));

    let ended = |ended: bool| value!({ "ended": ended });
    assert_eq!(call(&client, "log_out", "ada").await, ended(true));
    assert_eq!(call(&client, "log_out", "ada").await, ended(false));
    assert_eq!(
        call(&client, "look", "ada").await,
        value!({ "has_cart": false })
    );

    tokio::time::sleep(MINUTE / 2).await;
    assert_eq!(call(&client, "add", "bob").await, value!({ "count": 2 }));
    tokio::time::sleep(MINUTE * 3 / 4).await;
    assert_eq!(
        call(&client, "look", "bob").await,
        value!({ "has_cart": true })
    );
    tokio::time::sleep(MINUTE / 4).await;
    assert_eq!(
        call(&client, "look", "bob").await,
        value!({ "has_cart": false })
    );
}

#[tokio::test]
async fn a_caller_without_a_token_has_no_session_and_can_get_one() {
    let sessions = Sessions::in_memory();
    let of_login = sessions.clone();
    let server =
        shop()
            .job_middleware(sessions)
            .action("log_in", move |_: Value, _: Context| {
                let sessions = of_login.clone();
                async move {
                    Ok::<_, ActionError>(value!({ "token": (sessions.open(&cart(&[])).await?) }))
                }
            });
    let client = client(server);
    let look = client.call_action("shop", "look", &());
    assert_eq!(look.await.unwrap(), value!({ "has_cart": false }));
    let without = client.call_action("shop", "add", &());
    let empty = client.call_action("shop", "add", &()).context("token", "");
    for refused in [without.await, empty.await] {
        let message = refused.unwrap_err().errors()[0].message.to_string();
        assert!(message.starts_with("Internal server error: the details are in the log"));
    }

    let [first, second] = [
        client.call_action("shop", "log_in", &()).await.unwrap(),
        client.call_action("shop", "log_in", &()).await.unwrap(),
    ]
    .map(|answer| answer.get("token").unwrap().as_str().unwrap().to_owned());
    assert_eq!((first.len(), first == second), (64, false));
    assert_eq!(
        call(&client, "look", &first).await,
        value!({ "has_cart": true })
    );
}

#[tokio::test]
async fn memory_is_bounded_and_the_session_that_would_end_first_makes_room() {
    let sessions = Sessions::new(MemorySessions::with_capacity(2));
    for (token, minutes) in [("a", 3), ("b", 1), ("a", 2), ("c", 1), ("d", 1)] {
        let sessions = sessions.clone().expiry(MINUTE * minutes);
        sessions.of(token).set("x").await.unwrap();
    }
    let mut left = Vec::new();
    for token in ["a", "b", "c", "d"] {
        if sessions.of(token).get::<String>().await.unwrap().is_some() {
            left.push(token);
        }
    }
    assert_eq!(left, ["a", "d"]);

    let sessions = Sessions::in_memory();
    for number in 0..1001 {
        sessions.of(&number.to_string()).set(&number).await.unwrap();
    }
    let gone = sessions.of("0").get::<i64>().await.unwrap();
    let kept = sessions.of("1").get::<i64>().await.unwrap();
    assert_eq!((gone, kept), (None, Some(1)));
    // No time is too long.
    let for_ever = sessions.expiry(Duration::MAX);
    for_ever.of("x").set("y").await.unwrap();
    assert!(for_ever.of("x").get::<String>().await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_of_another_type_counts_as_none() {
    let sessions = Sessions::in_memory();
    sessions
        .of("ada")
        .set(&value!({ "shelves": 7 }))
        .await
        .unwrap();
    assert_eq!(sessions.of("ada").get::<Cart>().await.unwrap(), None);
}

#[tokio::test]
async fn the_function_of_authentication_makes_the_session_once_for_each_token() {
    let verified = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&verified);
    let authentication = Authentication::new(move |credentials: Credentials| {
        let counted = Arc::clone(&counted);
        async move {
            if credentials.session().get::<Cart>().await?.is_none() {
                counted.fetch_add(1, Ordering::SeqCst);
                if credentials.token() == "eve" {
                    return Err(Denied::new("Nobody knows this token"));
                }
                credentials.session().set(&cart(&["of login"])).await?;
            }
            Ok(Identity::new(credentials.token()))
        }
    });
    let authentication = authentication
        .admit_anonymous()
        .sessions(Sessions::in_memory());
    let client = client(shop().job_middleware(authentication));
    assert_eq!(call(&client, "add", "ada").await, value!({ "count": 2 }));
    assert_eq!(call(&client, "add", "ada").await, value!({ "count": 3 }));
    assert_eq!(verified.load(Ordering::SeqCst), 1);
    let eve = client
        .call_action("shop", "look", &())
        .context("token", "eve");
    assert!(eve.await.is_err());
    let anonymous = client.call_action("shop", "look", &()).await.unwrap();
    assert_eq!(anonymous, value!({ "has_cart": false }));
}

#[tokio::test]
async fn a_handler_is_tested_with_a_session_of_its_own() {
    let cx = Context::for_test().with_extension(Sessions::in_memory().of("ada"));
    assert_eq!(cx.session::<Cart>().await.unwrap(), None);
    cx.set_session(&cart(&["Emma"])).await.unwrap();
    assert_eq!(cx.session().await.unwrap(), Some(cart(&["Emma"])));
    // Without sessions, this is a mistake of the program, and not a caller without a session.
    assert!(Context::for_test().session::<Cart>().await.is_err());
}

/// A store that is away, and knows by which ids it was asked.
#[derive(Clone, Default)]
struct Away(Arc<std::sync::Mutex<Vec<String>>>);

impl Away {
    fn fail<T: Send + 'static>(&self, id: &str) -> BoxFuture<Result<T, SessionError>> {
        self.0.lock().unwrap().push(id.to_owned());
        Box::pin(std::future::ready(Err(SessionError::new("the secret"))))
    }
}

impl SessionStore for Away {
    fn load(&self, id: &str) -> BoxFuture<Result<Option<bytes::Bytes>, SessionError>> {
        self.fail(id)
    }

    fn save(&self, id: &str, _: bytes::Bytes, _: Duration) -> BoxFuture<Result<(), SessionError>> {
        self.fail(id)
    }

    fn remove(&self, id: &str) -> BoxFuture<Result<bool, SessionError>> {
        self.fail(id)
    }
}

#[tokio::test]
async fn a_store_that_is_away_fails_those_who_ask_it_and_never_sees_a_token() {
    let store = Away::default();
    let sessions = Sessions::new(store.clone());
    let server = shop()
        .job_middleware(sessions)
        .action("quick", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({}))
        });
    let client = client(server);
    assert_eq!(call(&client, "quick", "ada").await, value!({}));
    let look = client
        .call_action("shop", "look", &())
        .context("token", "ada");
    let error = look.await.unwrap_err();
    assert_eq!(error.errors()[0].code, "SERVER_ERROR");
    assert!(!error.to_string().contains("secret"), "{error}");
    // The SHA-256 of `ada`.
    let id = "9f9d51bc70ef21ca5c14f307980a29d8";
    let asked = store.0.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].len() == 64 && !asked[0].contains("ada"),
        "{asked:?} {id}"
    );
}
