//! Stubs of a case, and the values that they refer to.

use soa::testing::plan::{Failure, Plan, Subject};
use soa::{ActionError, Context, Server, Value};

/// Runs a case with these lines. `echo` answers with its request, `forward` with the answer of `examiner.magnify` to it.
async fn run(lines: &str) -> Result<(), Failure> {
    let server = Server::untyped("forwarder", "1.0.0")
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .action("forward", |body: Value, cx: Context| async move {
            let answer = cx.soa_client().call_action("examiner", "magnify", &body);
            let answer: Result<Value, _> = answer.await;
            answer.map_err(|error| ActionError::from_errors(error.errors().to_vec()))
        });
    let subject = Subject::service(server).unwrap();
    let text = format!("test name: forwards\ntest description: Calls a stub\n{lines}");
    let plan = Plan::parse("forwards.pysoa", &text).unwrap();
    plan.cases()[0].run(&subject).await
}

#[tokio::test]
async fn a_stub_of_a_case_knows_what_came_before_its_call() {
    let lines = "stub action: examiner: magnify: body: n: [[ECHO.n]]\n\
                 stub action: examiner: magnify: expect called str: of: [[ECHO.n]]\n\
                 echo: input: n: five\n\
                 forward: input: of: [[ECHO.n]]\n\
                 forward: expect: attribute value: n: five";
    run(lines).await.unwrap();
}

#[tokio::test]
async fn a_stub_that_is_called_before_what_it_refers_to_is_told() {
    let lines = "stub action: examiner: magnify: body: n: [[ECHO.n]]\n\
                 forward: expect: error: code=UNKNOWN_REFERENCE\n\
                 echo: input: n: five";
    let failure = run(lines).await.unwrap_err().to_string();
    let told = "line 3: stub action: examiner: magnify: body: n: [[ECHO.n]]\n    \
                the stub was called before the value existed that it refers to: `[[ECHO.n]]` is unknown";
    assert!(failure.contains(told), "{failure}");
}
