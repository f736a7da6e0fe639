//! Calls of services in a crate that depends on nothing but `soa`, without an async runtime.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use only_soa::{EchoClient, Inherent, InherentClient, Plain};
use soa::{Server, value};

/// Polls a future that is ready at once.
fn now<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the future is not ready"),
    }
}

#[test]
fn a_contract_is_called() {
    let echo = EchoClient::local(Plain);
    let body = || value!({ "number": 3 });
    assert_eq!(now(echo.echo(body())).unwrap(), body());
    assert_eq!(
        now(echo.echo_twice(body())).unwrap(),
        value!({ "first": { "number": 3 }, "second": { "number": 3 } })
    );
    now(echo.nothing(())).unwrap();
}

#[test]
fn a_service_without_a_contract_is_called() {
    let inherent = InherentClient::local(Inherent);
    let body = value!({ "text": "a" });
    let outcomes = [
        now(inherent.echo(body.clone())),
        now(inherent.echo_v2(body.clone())),
    ];
    for outcome in outcomes {
        assert_eq!(outcome.unwrap(), body);
    }
}

#[test]
fn a_blocking_action_asks_for_the_runtime_that_it_needs() {
    let outcomes = [
        now(EchoClient::local(Server::builder(Plain).tell_internal_errors(true)).wait()),
        now(InherentClient::local(Server::builder(Inherent).tell_internal_errors(true)).wait()),
    ];
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!(
            error.errors()[0].message,
            "Internal server error: a blocking action requires a tokio runtime"
        );
    }
}
