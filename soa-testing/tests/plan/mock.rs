//! Mocks: their answers, and the cases that they belong to.

use std::sync::Arc;

use soa::testing::plan::{Case, Mock, MockError, Mocks, Plan, Subject};
use soa::{ActionError, Context, Map, Server, Value, value};

/// Creates mocks, and a subject that is built with their targets `left` and `right`: the action `ask` calls this function
/// with them, after other tasks have run.
fn asking(
    ask: impl Fn(&Mock, &Mock) -> Result<Value, MockError> + Send + Sync + 'static,
) -> (Mocks, Subject) {
    let mocks = Mocks::default();
    let targets = Arc::new((ask, mocks.target("left"), mocks.target("right")));
    let server = Server::untyped("asker", "1.0.0").action("ask", move |_: Value, _: Context| {
        let targets = Arc::clone(&targets);
        async move {
            tokio::task::yield_now().await;
            let (ask, left, right) = &*targets;
            ask(left, right).map_err(ActionError::internal)
        }
    });
    let subject = Subject::service(server).unwrap().mocks(&mocks);
    (mocks, subject)
}

/// Parses the case with these lines.
fn case(lines: &str) -> Case {
    let text = format!("test name: asks\ntest description: Asks the mocks\n{lines}");
    let plan = Plan::parse("asks.pysoa", &text).unwrap();
    plan.cases()[0].clone()
}

fn ask_left(left: &Mock, _: &Mock) -> Result<Value, MockError> {
    Ok(value!({"said": (left.call("", [], Map::new())?)}))
}

#[tokio::test]
async fn an_exception_is_raised_once_for_each_line() {
    let lines = "mock: left: save.side_effect: exception ValueError\nask: expect: no errors";
    let (_, subject) = asking(|left, _| {
        let mut calls = (0..3).map(|_| left.call("save", [], Map::new()).unwrap_err());
        assert_eq!(
            calls.next(),
            Some(MockError::Raised("ValueError".to_owned()))
        );
        assert!(calls.all(|error| error == MockError::Exhausted("save".to_owned())));
        Ok(value!({}))
    });
    case(lines).run(&subject).await.unwrap();
}

#[tokio::test]
async fn an_argument_may_come_from_another_mock() {
    let lines = "mock: left: return_value: 1\nmock: right: return_value: 2\n\
                 mock: left: expect called: [[2], {}]\nask: expect: no errors";
    let (_, subject) = asking(|left, right| {
        let arguments = std::iter::once_with(|| right.call("", [], Map::new()).unwrap());
        left.call("", arguments, Map::new())?;
        Ok(value!({}))
    });
    case(lines).run(&subject).await.unwrap();
}

#[tokio::test]
async fn the_mocks_of_a_case_end_with_it_however_it_ends() {
    let (mocks, subject) = asking(ask_left);
    let left = mocks.target("left");
    let fails = case("mock: left: return_value: 1\nask: expect none: attribute value: said");
    fails.run(&subject).await.unwrap_err();
    assert!(!left.is_mocked());
    let fails = case("ask: mock: left: return_value: 1\nask: input: is: [[nothing]]");
    fails.run(&subject).await.unwrap_err();
    assert!(!left.is_mocked());
    let given_up = case("mock: left: return_value: 1\nask: expect: no errors");
    tokio::select! {
        biased;
        _ = given_up.run(&subject) => panic!("the action waits once"),
        () = async { assert!(left.is_mocked()) } => {}
    }
    assert!(!left.is_mocked());
}

#[tokio::test]
async fn cases_with_the_same_mocks_wait_for_each_other() {
    let (_, subject) = asking(ask_left);
    let says = |number| {
        case(&format!(
            "mock: left: return_value: {number}\nask: expect int: attribute value: said: {number}"
        ))
    };
    let (one, two, other) = (says(1), says(2), subject.clone());
    let (one, two) = tokio::join!(one.run(&subject), two.run(&other));
    one.unwrap();
    two.unwrap();
}
