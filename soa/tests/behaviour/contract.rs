//! Contracts: a trait says what a service offers, and whoever implements it is served.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{
    ActionDescriptor, ActionError, Context, Server, Service, ServiceDescriptor, Switch,
    TypedClient, Value, service, value,
};

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Number {
    #[garde(range(min = -100, max = 100))]
    number: i64,
}

const ROUNDED: Switch = Switch::new(3);

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
struct Numbers {
    #[garde(length(min = 1))]
    numbers: Vec<i64>,
}

/// Counts.
#[service(name = "counter", version = "1.2.3")]
trait Counter {
    /// The next number.
    #[action(request = Number, response = Number)]
    async fn next(&self, request: Number, cx: &Context) -> Result<Number, ActionError>;

    /// The same number.
    ///
    /// What a contract implements itself need not be implemented by its services.
    #[action]
    #[deprecated(note = "it does nothing")]
    async fn same(&self, request: Number) -> Result<Number, ActionError> {
        let request = std::future::ready(request).await;
        Ok(request)
    }

    #[action(name = "half", switch = ROUNDED)]
    async fn half_rounded(&self, request: Number) -> Result<Number, ActionError>;

    #[action]
    async fn half(&self, request: Number) -> Result<Value, ActionError>;

    #[action(blocking)]
    fn sum(&self, request: Numbers) -> Result<Number, ActionError>;

    /// How far it counts at once. Not an action.
    fn step(&self) -> i64 {
        1
    }
}

struct Plain;

#[service]
impl Counter for Plain {
    async fn next(&self, request: Number, _cx: &Context) -> Result<Number, ActionError> {
        Ok(Number {
            number: request.number + self.step(),
        })
    }

    async fn half_rounded(&self, request: Number) -> Result<Number, ActionError> {
        Ok(Number {
            number: request.number / 2,
        })
    }

    async fn half(&self, request: Number) -> Result<Value, ActionError> {
        Ok(value!({ "number": (request.number), "divided_by": 2 }))
    }

    fn sum(&self, request: Numbers) -> Result<Number, ActionError> {
        Ok(Number {
            number: request.numbers.iter().sum(),
        })
    }
}

/// A service with parameters keeps the same contract.
struct Scaled<S, const BY: i64> {
    step: S,
}

trait Step: Send + Sync + 'static {
    fn step(&self) -> i64;
}

struct One;

impl Step for One {
    fn step(&self) -> i64 {
        1
    }
}

#[service]
impl<S: Step, const BY: i64> Counter for Scaled<S, BY> {
    async fn next(&self, request: Number, cx: &Context) -> Result<Number, ActionError> {
        assert_eq!(cx.action(), "next");
        Ok(Number {
            number: request.number + self.step(),
        })
    }

    async fn half_rounded(&self, _request: Number) -> Result<Number, ActionError> {
        Ok(Number { number: 0 })
    }

    async fn half(&self, _request: Number) -> Result<Value, ActionError> {
        Err(ActionError::caller("NO_HALVES", "Only wholes"))
    }

    fn sum(&self, _request: Numbers) -> Result<Number, ActionError> {
        panic!("cannot add up")
    }

    fn step(&self) -> i64 {
        self.step.step() * BY
    }
}

/// The same offer without a contract.
struct Inherent;

mod inherent {
    use super::*;

    /// Counts.
    #[service(name = "counter", version = "1.2.3")]
    impl Inherent {
        /// The next number.
        #[action(request = Number, response = Number)]
        async fn next(&self, request: Number, cx: &Context) -> Result<Number, ActionError> {
            let _ = cx;
            Ok(request)
        }

        /// The same number.
        ///
        /// What a contract implements itself need not be implemented by its services.
        #[action]
        #[deprecated(note = "it does nothing")]
        async fn same(&self, request: Number) -> Result<Number, ActionError> {
            Ok(request)
        }

        #[action(name = "half", switch = ROUNDED)]
        async fn half_rounded(&self, request: Number) -> Result<Number, ActionError> {
            Ok(request)
        }

        #[action]
        async fn half(&self, _request: Number) -> Result<Value, ActionError> {
            Ok(value!({}))
        }

        #[action(blocking)]
        fn sum(&self, _request: Numbers) -> Result<Number, ActionError> {
            Ok(Number { number: 0 })
        }
    }
}

/// All that a descriptor says, as text.
fn told(descriptor: &ServiceDescriptor) -> String {
    let action = |action: &ActionDescriptor| {
        let schemas = [action.request_schema(), action.response_schema()];
        let schemas = schemas.map(|schema| schema.introspect());
        format!(
            "{} {:?} {} {:?}\n{schemas:?}",
            action.shown_name(),
            action.switch(),
            action.is_deprecated(),
            action.documentation(),
        )
    };
    let actions: Vec<String> = descriptor.actions().iter().map(action).collect();
    format!(
        "{} {} {:?}\n{}",
        descriptor.name(),
        descriptor.version(),
        descriptor.documentation(),
        actions.join("\n")
    )
}

#[test]
fn an_inherent_impl_and_a_contract_with_the_same_actions_have_equal_descriptors() {
    let contract = told(Plain::DESCRIPTOR);
    assert_eq!(contract, told(Inherent::DESCRIPTOR));
    assert_eq!(contract, told(CounterClient::DESCRIPTOR));
    assert_eq!(contract, told(Scaled::<One, 2>::DESCRIPTOR));
    assert!(
        contract.starts_with("counter 1.2.3 Some(\"Counts.\")\nnext None false"),
        "{contract}"
    );
    assert!(
        contract.contains("half[switch:3] Some(Switch(3))"),
        "{contract}"
    );
}

#[tokio::test]
async fn whoever_keeps_the_contract_is_called_by_its_client() {
    let plain = CounterClient::local(Plain);
    let number = |number| Number { number };
    assert_eq!(plain.next(number(1)).await.unwrap().number, 2);
    assert_eq!(plain.half_rounded(number(9)).await.unwrap().number, 4);
    let half = plain.half(number(9)).await.unwrap();
    assert_eq!(half, value!({ "number": 9, "divided_by": 2 }));
    let sum = plain
        .sum(Numbers {
            numbers: vec![1, 2, 3],
        })
        .await
        .unwrap();
    assert_eq!(sum.number, 6);

    let scaled = CounterClient::local(Scaled::<One, 10> { step: One });
    assert_eq!(scaled.next(number(1)).await.unwrap().number, 11);
    let error = scaled.half(number(1)).await.unwrap_err();
    assert_eq!(error.errors()[0].code, "NO_HALVES");
}

#[tokio::test]
#[allow(deprecated)]
async fn a_contract_may_implement_an_action_itself() {
    let plain = CounterClient::local(Plain);
    assert_eq!(plain.same(Number { number: 7 }).await.unwrap().number, 7);
}

#[tokio::test]
async fn bodies_are_validated_by_the_contract() {
    let plain = CounterClient::local(Plain);
    let error = plain.next(Number { number: 101 }).await.unwrap_err();
    assert_eq!(error.errors()[0].field.as_deref(), Some("number"));
    let error = plain.next(Number { number: 100 }).await.unwrap_err();
    assert_eq!(
        error.errors()[0].code,
        "SERVER_ERROR",
        "its response would be 101"
    );
}

#[tokio::test]
async fn a_blocking_action_runs_beside_the_thread_of_the_runtime() {
    #[derive(Debug)]
    struct Threads;

    #[service(name = "threads", version = "1.0.0")]
    impl Threads {
        #[action(blocking)]
        fn which(&self, cx: &Context) -> Result<Value, ActionError> {
            let thread = format!("{:?}", std::thread::current().id());
            Ok(value!({ "thread": (thread), "action": (cx.action()) }))
        }
    }

    let which = ThreadsClient::local(Threads).which().await.unwrap();
    let here = format!("{:?}", std::thread::current().id());
    assert_ne!(
        which.get("thread").and_then(Value::as_str),
        Some(here.as_str())
    );
    assert_eq!(which.get("action").and_then(Value::as_str), Some("which"));
}

#[tokio::test]
async fn a_blocking_action_that_panics_is_an_error_of_that_action() {
    let server = Server::builder(Scaled::<One, 1> { step: One });
    let counter = CounterClient::local(server.tell_internal_errors(true));
    let error = counter.sum(Numbers { numbers: vec![1] }).await.unwrap_err();
    assert_eq!(
        error.errors()[0].message,
        "Internal server error: cannot add up"
    );
    assert_eq!(counter.next(Number { number: 1 }).await.unwrap().number, 2);
}

#[test]
fn a_blocking_action_without_a_runtime_is_told() {
    let call = CounterClient::local(Server::builder(Plain).tell_internal_errors(true))
        .sum(Numbers { numbers: vec![1] });
    let waker = std::task::Waker::noop();
    let mut future = call.into_future();
    let poll = future
        .as_mut()
        .poll(&mut std::task::Context::from_waker(waker));
    let std::task::Poll::Ready(Err(error)) = poll else {
        panic!("{poll:?}")
    };
    let message = "Internal server error: a blocking action requires a tokio runtime";
    assert_eq!(error.errors()[0].message, message);
}
