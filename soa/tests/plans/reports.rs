//! What is told of cases that fail.

use soa::testing::plan::{Mocks, Plan, Subject};
use soa::{Client, LocalTransport, Server, value};

use crate::service::plan_service_with;

/// The report of the one case with these lines.
async fn report(lines: &str) -> String {
    let mocks = Mocks::default();
    let subject = Subject::service(plan_service_with(mocks.clone())).unwrap();
    let subject = subject.mocks(&mocks).constants(value!({"known": 1}));
    failure(&subject, lines).await
}

async fn failure(subject: &Subject, lines: &str) -> String {
    let text =
        format!("# A plan.\ntest name: some_case\ntest description: What it is about\n{lines}\n");
    let plan = Plan::parse("some.pysoa", &text).unwrap();
    let failure = plan.cases()[0].run(subject).await.unwrap_err();
    // What a test shows that ends with it.
    assert_eq!(format!("{failure:?}"), format!("\n{failure}"));
    failure.to_string()
}

#[tokio::test]
async fn every_value_that_is_not_as_expected_is_told_with_its_line() {
    let lines = "echo: input int: a.b: 9\necho: input: tags.0: x\necho: input: text: hello\necho: input emptydict: empty:\n\
                 echo: expect: no errors\necho: expect int: attribute value: a.b: 10\necho: expect: attribute value: a.c: 1\n\
                 echo: expect any str: attribute value: a.b\necho: expect regex: attribute value: text: ^bye\n\
                 echo: expect not regex: attribute value: text: ^h\necho: expect: not attribute value: tags: x\n\
                 echo: expect not present: attribute value: text\necho: expect none: attribute value: text\n\
                 echo: expect: attribute value: tags.1: y\necho: expect: attribute value: empty.x: y";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn a_time_with_a_zone_and_one_without_are_told_apart() {
    let lines = "freeze time: 2018-04-20T04:20:20Z\necho: input datetime: aware: utc_now\necho: input datetime: naive: now\n\
                 echo: expect datetime: attribute value: aware: 2018,4,20,4,20,20\n\
                 echo: expect datetime: attribute value: naive: utc_now";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn errors_that_are_not_as_expected_are_told_with_those_that_there_are() {
    let lines = "fail: input int: count: 2\nfail: expect: no errors\nfail: expect: error: code=THIRD\n\
                 fail: expect: not error: code=FIRST\nfail: expect: exact error: code=FIRST, message=Another\n\
                 fail: expect: job error: code=ANY\nfail: expect: attribute value: x: y";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn an_action_that_did_not_run_is_told() {
    let lines =
        "fail_job: expect: attribute value: x: y\nfail_job: expect: not job error: code=BAD_JOB";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn references_to_nothing_are_told_before_anything_is_called() {
    let lines = "echo.0: input: a: 1\necho.1: input: b: [[ECHO.0.b]]\necho.1: expect: no errors";
    insta::assert_snapshot!(report(lines).await);
    let lines = "echo: input: b: [[unknown]]";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn calls_of_stubs_and_mocks_that_are_not_as_expected_are_told() {
    let lines = "forward: stub action: a: b: expect called int: x: 1\nforward: stub action: a: c: expect not called:\n\
                 forward: stub action: a: d: expect called:\nforward: input: service: a\nforward: input: action: c\n\
                 forward: input int: body.x: 2";
    insta::assert_snapshot!(report(lines).await);
    let lines = "stub action: a: b: expect called int: x: 1\nforward: input: service: a\nforward: input: action: b\n\
                 forward: input int: body.x: 2";
    insta::assert_snapshot!(report(lines).await);
    let lines = "mock: plan_service.actions.random: randint.return_value: 3\n\
                 mock: plan_service.actions.random: expect called randint: [[1, 7], {}]\n\
                 mock: plan_service.actions.random: expect called shuffle: [[], {\"all\": true}]\n\
                 mock: plan_service.actions.label: expect not called:\nroll: input int: sides: 6\nroll: input bool: label: true";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn what_the_case_expects_of_calls_is_told_with_the_action_that_fails() {
    let lines = "stub action: a: b: expect not called:\nstub action: a: c: expect called:\n\
                 forward: input: service: a\nforward: input: action: b\n\
                 forward: expect: attribute value: response.x: y\n\
                 forward.1: input: service: a\nforward.1: input: action: c";
    insta::assert_snapshot!(report(lines).await);
    let lines = "mock: plan_service.actions.random: randint.return_value: 3\n\
                 mock: plan_service.actions.random: expect called randint: [[1, 7], {}]\n\
                 mock: plan_service.actions.random: expect called randint: [[1, 8], {}]\n\
                 roll.0: input int: sides: 6\nroll.0: expect int: attribute value: rolled: 4\n\
                 roll.1: input int: sides: 8";
    insta::assert_snapshot!(report(lines).await);
    let lines = "stub action: a: b: expect not called:\nforward: input: service: a\nforward: input: action: b\n\
                 echo: input: of: [[FORWARD.response.of]]";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn what_nothing_stands_in_for_cannot_be_mocked() {
    let lines =
        "mock: plan_service.actions.uuid: uuid4.return_value: \"a\"\necho: expect: no errors";
    insta::assert_snapshot!(report(lines).await);
}

#[tokio::test]
async fn a_live_service_cannot_be_frozen_stubbed_or_mocked() {
    let server = Server::untyped("plan_service", "1.0.0").build().unwrap();
    let client = Client::builder()
        .service("plan_service", LocalTransport::new(server))
        .build()
        .unwrap();
    let subject = Subject::live(client, "plan_service");
    let lines = "echo: expect: no errors\necho: freeze time: now";
    insta::assert_snapshot!(failure(&subject, lines).await);
    let unknown = Subject::live(Client::builder().build().unwrap(), "plan_service");
    insta::assert_snapshot!(failure(&unknown, "echo: expect: no errors").await);
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_told() {
    let lines = "echo: job context input: switches: five\necho: expect: no errors";
    insta::assert_snapshot!(report(lines).await);
    let lines =
        "echo: input int: big: 8273827393847282938472728293737171628\necho: expect: no errors";
    insta::assert_snapshot!(report(lines).await);
}
