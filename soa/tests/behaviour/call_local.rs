//! Actions that call other actions of their own server.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::middleware::{ActionStage, Next, from_fn};
use soa::{
    Action, ActionCall, ActionError, Context, ErrorKind, Map, Server, ServerBuilder, Switch, Value,
    service, value,
};

const FULL: Switch = Switch::new(5);

thread_local! {
    /// How often one of these was encoded by this test, which has a thread of its own.
    static ENCODED: Cell<usize> = const { Cell::new(0) };
}

fn counted<S: serde::Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    ENCODED.set(ENCODED.get() + 1);
    serializer.serialize_i64(*number)
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Counted {
    #[serde(serialize_with = "counted")]
    #[garde(range(max = 100))]
    number: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Number {
    #[garde(range(max = 100))]
    number: i64,
}

fn number(number: i64) -> Number {
    Number { number }
}

/// What an error of a local call was, as a response: its code, its field, its message.
fn told<T>(outcome: Result<T, ActionError>) -> Value {
    match outcome {
        Ok(_) => value!({ "ok": true }),
        Err(error) => {
            let error = &error.errors()[0];
            value!({
                "code": (&*error.code),
                "field": (error.field.clone()),
                "message": (&*error.message),
                "is_caller_error": (error.is_caller_error),
            })
        }
    }
}

struct Shop;

#[service(name = "shop", version = "1.0.0")]
impl Shop {
    #[action]
    async fn double(&self, request: Counted) -> Result<Counted, ActionError> {
        let number = request.number * 2;
        Ok(Counted { number })
    }

    /// Doubles twice, which encodes nothing in between.
    #[action]
    async fn quadruple(&self, request: Number, cx: &Context) -> Result<Number, ActionError> {
        let before = ENCODED.get();
        let Number { number } = request;
        let doubled = cx
            .call_local(ShopClient::DOUBLE, Counted { number })
            .await?;
        let doubled = cx.call_local(ShopClient::DOUBLE, doubled).await?;
        assert_eq!(ENCODED.get(), before);
        Ok(Number {
            number: doubled.number,
        })
    }

    #[action]
    async fn see(&self, cx: &Context) -> Result<Value, ActionError> {
        let left = cx
            .time_left()
            .is_some_and(|left| left > Duration::from_secs(5));
        Ok(value!({
            "action": (cx.action()),
            "correlation_id": (cx.correlation_id()),
            "switches": (Value::from_iter(cx.switches().iter().map(Switch::number))),
            "locale": (cx.value("locale").cloned()),
            "tag": (cx.extension::<u8>().copied()),
            "more_than_five_seconds": left,
        }))
    }

    #[action]
    async fn see_locally(&self, cx: &Context) -> Result<Value, ActionError> {
        let same = cx.call_local(ShopClient::SEE, ()).await?;
        let copy = cx.clone().with_switch(9).with_value("locale", "fr_FR");
        let changed = copy.call_local(ShopClient::SEE, ()).await?;
        let own = cx.call_local_action("see", value!({})).await?;
        assert_eq!(own, same, "the copy is not seen by others");
        Ok(value!({ "same": same, "changed": changed }))
    }

    #[action(name = "name", switch = FULL)]
    async fn full_name(&self) -> Result<Value, ActionError> {
        Ok(value!({ "name": "Ada Lovelace" }))
    }

    #[action]
    async fn name(&self) -> Result<Value, ActionError> {
        Ok(value!({ "name": "Ada" }))
    }

    #[action]
    async fn both_names(&self, cx: &Context) -> Result<Value, ActionError> {
        let full = cx.call_local(ShopClient::FULL_NAME, ()).await?;
        let short = cx.call_local(ShopClient::NAME, ()).await;
        Ok(value!({ "full": full, "short": (told(short)) }))
    }

    /// Calls whatever it is told to, and says what the error was.
    #[action]
    async fn try_it(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        let action = request
            .get("action")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let body = request.get("body").cloned().unwrap_or(value!({}));
        Ok(told(cx.call_local_action(action.to_owned(), body).await))
    }

    #[action]
    async fn refuse(&self) -> Result<(), ActionError> {
        Err(ActionError::caller("CLOSED", "The shop is closed").field("day"))
    }

    #[action]
    async fn refuse_job(&self) -> Result<(), ActionError> {
        Err(ActionError::job("BANKRUPT", "There is no shop"))
    }

    #[action]
    async fn panic(&self) -> Result<(), ActionError> {
        panic!("fire")
    }

    #[action]
    async fn break_rules(&self) -> Result<Number, ActionError> {
        Ok(number(101))
    }

    /// Passes the errors of another action on.
    #[action]
    async fn pass_on(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        let action = request
            .get("action")
            .and_then(Value::as_str)
            .unwrap_or_default();
        cx.call_local_action(action.to_owned(), value!({})).await
    }

    /// Goes so deep.
    #[action]
    async fn nest(&self, request: Number, cx: &Context) -> Result<Number, ActionError> {
        if request.number == 0 {
            return Ok(request);
        }
        let next = number(request.number - 1);
        let inner = cx.call_local(ShopClient::NEST, next).await?;
        Ok(number(inner.number + 1))
    }

    #[action]
    async fn sleep(&self, cx: &Context) -> Result<(), ActionError> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!cx.is_cancelled(), "it was given up");
        Ok(())
    }

    /// Does not wait for ever.
    #[action]
    async fn nap(&self, cx: &Context) -> Result<Value, ActionError> {
        let short = cx.clone().with_time_left(Duration::from_secs(1));
        let outcome = short.call_local(ShopClient::SLEEP, ()).await;
        assert!(!cx.is_cancelled());
        Ok(told(outcome))
    }

    #[action]
    async fn in_tasks(&self, cx: &Context) -> Result<Number, ActionError> {
        let calls = (1..=3).map(|n| cx.call_local(ShopClient::DOUBLE, Counted { number: n }));
        let mut sum = 0;
        for task in calls.map(tokio::spawn).collect::<Vec<_>>() {
            sum += task.await.map_err(ActionError::internal)??.number;
        }
        Ok(number(sum))
    }
}

fn server() -> ServerBuilder {
    Server::builder(Shop).action("untyped", |body: Value, _: Context| async {
        Ok::<_, ActionError>(body)
    })
}

fn shop() -> ShopClient {
    ShopClient::local(server().tell_internal_errors(true))
}

#[tokio::test]
async fn a_local_call_goes_from_handler_to_handler_without_encoding() {
    let quadrupled = shop().quadruple(number(20)).await.unwrap();
    assert_eq!(quadrupled, number(80));
}

#[tokio::test]
async fn no_middleware_stands_around_it() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let middleware = from_fn(move |call: ActionCall, next: Next<ActionStage>| {
        counter.fetch_add(1, Ordering::SeqCst);
        next.run(call)
    });
    let shop = ShopClient::local(server().action_middleware(middleware));
    shop.quadruple(number(1)).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_called_action_has_a_copy_of_the_context() {
    let tag = from_fn(|mut call: ActionCall, next: Next<ActionStage>| {
        call.context.extensions_mut().insert(3_u8);
        next.run(call)
    });
    let shop = ShopClient::local(server().action_middleware(tag));
    let call = shop.see_locally().correlation_id("abc").switch(7);
    let seen = call.timeout(Duration::from_secs(60)).await.unwrap();
    let expected = |switches: Value, locale: Value| {
        value!({
            "action": "see",
            "correlation_id": "abc",
            "switches": switches,
            "locale": locale,
            "tag": 3,
            "more_than_five_seconds": true,
        })
    };
    let same = expected(value!([7]), Value::Nil);
    let changed = expected(value!([7, 9]), "fr_FR".into());
    assert_eq!(seen, value!({ "same": same, "changed": changed }));
}

#[tokio::test]
async fn a_variant_is_called_by_its_handle_and_checked_as_by_a_client() {
    let names = shop().both_names().await.unwrap();
    assert_eq!(names.get("full"), Some(&value!({ "name": "Ada Lovelace" })));
    assert_eq!(names.get("short"), Some(&value!({ "ok": true })));
    let names = shop().both_names().switch(FULL).await.unwrap();
    let error = names.get("short").unwrap();
    assert_eq!(error.get("code"), Some(&"SERVER_ERROR".into()));
    let message = error.get("message").and_then(Value::as_str).unwrap();
    assert!(message.contains("`name[DEFAULT]`"), "{message}");
}

async fn tried(action: &str, body: Value) -> Value {
    let request = value!({ "action": action, "body": body });
    shop().try_it(request).await.unwrap()
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_as_to_any_caller() {
    let expected = value!({
        "code": "INVALID",
        "field": "number",
        "message": "Value not <= 100",
        "is_caller_error": true,
    });
    assert_eq!(tried("double", value!({ "number": 101 })).await, expected);
    let missing = tried("double", value!({})).await;
    assert_eq!(missing.get("code"), Some(&"MISSING".into()));
    // Typed, where it never was encoded.
    let server = server().build().unwrap();
    let cx = Context::for_test().with_server(&server);
    let error = cx
        .call_local(ShopClient::DOUBLE, Counted { number: 101 })
        .await;
    assert_eq!(told(error), expected);
}

#[tokio::test]
async fn errors_and_panics_are_the_callers_to_handle() {
    let closed = tried("refuse", value!({})).await;
    assert_eq!(
        closed,
        value!({
            "code": "CLOSED",
            "field": "day",
            "message": "The shop is closed",
            "is_caller_error": true,
        })
    );
    let message = |told: &Value| told.get("message").cloned().unwrap();
    let panic = tried("panic", value!({})).await;
    assert_eq!(message(&panic), "Internal server error: fire".into());
    let broken = tried("break_rules", value!({})).await;
    assert_eq!(broken.get("code"), Some(&"SERVER_ERROR".into()));
    let unknown = tried("unknown", value!({})).await;
    assert_eq!(
        unknown,
        value!({
            "code": "UNKNOWN",
            "field": "action",
            "message": "The action \"unknown\" was not found on this server.",
            "is_caller_error": false,
        })
    );
}

#[tokio::test]
async fn errors_can_be_passed_on_to_the_caller_of_the_caller() {
    let error = shop()
        .pass_on(value!({ "action": "refuse" }))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (ErrorKind::Action, "CLOSED")
    );
    let error = shop()
        .pass_on(value!({ "action": "refuse_job" }))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (ErrorKind::Job, "BANKRUPT")
    );
}

#[tokio::test]
async fn handles_and_actions_of_different_types_meet_by_encoding() {
    let server = server().build().unwrap();
    let cx = Context::for_test().with_server(&server);
    assert_eq!(cx.service(), "shop");
    let typed: Action<Number, Number> = Action::new("untyped");
    assert_eq!(cx.call_local(typed, number(7)).await.unwrap(), number(7));
    let untyped: Action<Value, Value> = Action::new("double");
    let doubled = cx.call_local(untyped, value!({ "number": 7 })).await;
    assert_eq!(doubled.unwrap(), value!({ "number": 14 }));
    let other: Action<Number, Map> = Action::new("double");
    assert_eq!(cx.call_local(other, number(7)).await.unwrap().len(), 1);
    let wrong: Action<Number, Number> = Action::new("name");
    let error = told(cx.call_local(wrong, number(7)).await);
    assert_eq!(error.get("code"), Some(&"UNKNOWN".into()), "an extra key");
    let status = cx
        .call_local_action("status", value!({ "verbose": false }))
        .await;
    assert_eq!(status.unwrap().get("version"), Some(&"1.0.0".into()));
}

#[tokio::test]
async fn actions_may_call_each_other_up_to_a_depth() {
    assert_eq!(shop().nest(number(32)).await.unwrap(), number(32));
    let error = shop().nest(number(33)).await.unwrap_err();
    let expected = "Internal server error: too many nested local calls: the limit is 32";
    assert_eq!(error.errors()[0].message, expected);
}

#[tokio::test(start_paused = true)]
async fn it_ends_at_the_deadline_of_the_action_that_calls() {
    let call = shop().pass_on(value!({ "action": "sleep" }));
    let error = call.timeout(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    tokio::time::sleep(Duration::from_secs(100)).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_its_own_ends_it_alone() {
    let shop = shop();
    let outcome = shop.nap().await.unwrap();
    assert_eq!(outcome.get("code"), Some(&"ACTION_TIMEOUT".into()));
}

#[tokio::test]
async fn local_calls_can_go_to_tasks_of_their_own() {
    assert_eq!(shop().in_tasks().await.unwrap(), number(12));
}

#[tokio::test]
async fn a_context_without_a_server_says_so() {
    let outcome = Context::for_test().call_local(ShopClient::NAME, ()).await;
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("add one with `with_server`"), "{error}");
}

#[service(name = "letters", version = "1.0.0")]
trait Letters {
    #[action]
    async fn first(&self, request: Value) -> Result<Value, ActionError>;
    #[action]
    async fn second(&self, request: Value, cx: &Context) -> Result<Value, ActionError>;
}

struct Alphabet;

#[service]
impl Letters for Alphabet {
    async fn first(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    async fn second(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        cx.call_local(LettersClient::FIRST, request).await
    }
}

#[tokio::test]
async fn the_handles_of_a_contract_reach_the_service_that_keeps_it() {
    let letters = LettersClient::local(Alphabet);
    let answer = letters.second(value!({ "letter": "a" })).await.unwrap();
    assert_eq!(answer, value!({ "letter": "a" }));
}
