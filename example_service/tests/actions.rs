//! What each action answers, as snapshots, through the generated client: a newcomer's template for testing a
//! service of their own.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

use example_service::types::*;
use example_service::{ExampleClient, ExampleService, VERSION_2, VERSION_3};
use soa::{ClientError, Server, Value, value};

fn example() -> ExampleClient {
    ExampleClient::local(Server::builder(ExampleService::new()).tell_internal_errors(true))
}

fn errors<R: std::fmt::Debug>(answer: Result<R, ClientError>) -> String {
    let error = answer.expect_err("this call is to fail");
    let lines: Vec<String> = error.errors().iter().map(ToString::to_string).collect();
    format!("{:?}\n{}", error.kind(), lines.join("\n"))
}

#[tokio::test]
async fn square_of_what_fits() {
    let example = example();
    let square = async |number| example.square(SquareRequest { number }).await;
    insta::assert_debug_snapshot!(square(12).await.unwrap(), @r"
    SquareResponse {
        square: 144,
    }
    ");
    let largest = square(4_294_967_295).await.unwrap();
    assert_eq!(largest.square, 18_446_744_065_119_617_025);
    // 65 bits are more than MessagePack has; 128 more than the service itself has.
    insta::assert_snapshot!(errors(square(1 << 33).await), @r"
    Job
    RESPONSE_NOT_SERIALIZABLE: Could not send the response because it failed to serialize
    ");
    let client = example_client();
    let answer = client
        .call_action("example", "square", &value!({ "number": (u64::MAX) }))
        .await;
    insta::assert_snapshot!(errors(answer), @r"
    Action
    TOO_LARGE at `number`: The square has over 127 bits
    ");
}

fn example_client() -> soa::Client {
    let server = soa::Server::builder(ExampleService::new()).build().unwrap();
    let transport = soa::LocalTransport::new(server);
    soa::Client::builder()
        .service("example", transport)
        .build()
        .unwrap()
}

#[tokio::test]
async fn failures_are_as_asked_for() {
    let example = example();
    insta::assert_snapshot!(errors(example.fail(FailRequest::default()).await), @r"
    Action
    EXAMPLE_FAILURE at `some.field`: This action always fails
    ");
    let request = FailRequest {
        code: Some("MINE".to_owned()),
        message: Some("My own".to_owned()),
        field: Some(soa::Nullable::Null),
        count: Some(2),
        keep_caller_error: Some(true),
        denied_permissions: Some(vec!["admin".to_owned()].into()),
        ..FailRequest::default()
    };
    let error = example.fail(request).await.unwrap_err();
    insta::assert_debug_snapshot!(error.errors()[1], @r#"
    WireError {
        code: "MINE",
        message: "My own",
        field: None,
        traceback: None,
        variables: None,
        denied_permissions: Some(
            [
                "admin",
            ],
        ),
        is_caller_error: false,
    }
    "#);
    let none = FailRequest {
        count: Some(0),
        ..FailRequest::default()
    };
    insta::assert_snapshot!(errors(example.fail(none).await), @r"
    Action
    INVALID at `count`: Value not >= 1
    ");
    insta::assert_snapshot!(errors(example.boom(value!({})).await), @r"
    Action
    SERVER_ERROR: Internal server error: boom
    ");
    insta::assert_snapshot!(errors(example.job_error(value!({})).await), @r"
    Job
    CUSTOM_JOB_ERROR at `control.thing`: The whole job is bad
    ");
    insta::assert_snapshot!(errors(example.custom_validate(value!({ "bad": 1 })).await), @r"
    Action
    CUSTOM at `bad`: validate() said no
    ");
    assert!(
        example
            .custom_validate(value!({ "bad": "" }))
            .await
            .unwrap()
            .ok
    );
    insta::assert_snapshot!(errors(example.bad_response(value!({})).await), @r"
    Action
    SERVER_ERROR: Internal server error: bad_response had an invalid response:
    	x INVALID: Not an integer
    ");
}

#[tokio::test]
async fn what_cannot_be_carried_fails_the_job() {
    let example = example();
    let ask = async |what: &str| {
        let what = Some(what.to_owned());
        example
            .not_serializable(NotSerializableRequest { what })
            .await
    };
    for what in ["tz", "object", "bigint"] {
        let error = ask(what).await.unwrap_err();
        assert_eq!(
            error.errors()[0].code,
            soa::code::RESPONSE_NOT_SERIALIZABLE,
            "{what}"
        );
    }
    assert_eq!(ask("set").await.unwrap().x, Odd::Value(value!([1, 2])));
    let nothing = example.not_serializable(NotSerializableRequest::default());
    assert_eq!(nothing.await.unwrap().x, Odd::Value(1.into()));
}

#[tokio::test]
async fn switches_select_the_version_and_the_highest_wins() {
    let example = example();
    let first = example.switched(value!({})).switch(99).await.unwrap();
    assert_eq!(first.version, 1);
    let second = example.switched_v2(value!({})).await.unwrap();
    assert_eq!((second.version, second.is_active_5), (2, true));
    let third = example.switched_v3(value!({})).switch(VERSION_2).await;
    assert_eq!(third.unwrap().version, 3);
    let mismatch = example.switched_v2(value!({})).switch(VERSION_3).await;
    assert_eq!(
        mismatch.unwrap_err().kind(),
        soa::ErrorKind::VariantMismatch
    );
}

#[tokio::test]
async fn things_and_their_owners() {
    let example = example();
    let things = example.get_things(value!({})).await.unwrap().things;
    let owner_ids: Vec<String> = things
        .iter()
        .filter_map(|thing| thing.owner_id.clone().into_option())
        .collect();
    assert_eq!((things.len(), owner_ids.len()), (4, 3));
    let owners = example
        .get_owners(GetOwnersRequest { owner_ids })
        .await
        .unwrap()
        .owners;
    insta::assert_debug_snapshot!(owners, @r#"
    {
        "o1": Owner {
            type_name: "owner_type",
            id: "o1",
            name: "Owner o1",
        },
        "o2": Owner {
            type_name: "owner_type",
            id: "o2",
            name: "Owner o2",
        },
    }
    "#);
}

#[tokio::test]
async fn what_is_remembered_is_recalled() {
    let example = example();
    let key = || "key".to_owned();
    let recall = async || {
        example
            .recall(RecallRequest { key: key() })
            .await
            .unwrap()
            .value
    };
    assert_eq!(recall().await, Value::Nil);
    let value = value!({ "n": [1, nil] });
    let request = RememberRequest {
        key: key(),
        value: value.clone(),
    };
    example.remember(request).await.unwrap();
    assert_eq!(recall().await, value);
}

#[tokio::test]
async fn big_answers_are_as_big_as_asked_for_and_bounded() {
    let example = example();
    let big = async |size, kind| example.big(BigRequest { size, kind }).await;
    let bytes = big(300, None).await.unwrap().data;
    let bytes = bytes.as_bytes().unwrap();
    assert_eq!((bytes.len(), bytes[255], bytes[256]), (300, 255, 0));
    let text = big(20, Some(BigKind::Text)).await.unwrap().data;
    assert_eq!(text, "0123456789abcdef0123".into());
    insta::assert_snapshot!(errors(big(1 << 40, None).await), @r"
    Action
    INVALID at `size`: Value not <= 67108864
    ");
}

#[tokio::test(start_paused = true)]
async fn slow_takes_its_time() {
    let request = SlowRequest { seconds: Some(2.5) };
    let before = tokio::time::Instant::now();
    let response = example().slow(request).await.unwrap();
    assert_eq!((response.slept, response.pid), (2.5, std::process::id()));
    assert_eq!(before.elapsed().as_secs_f64().round(), 3.0);
    let negative = SlowRequest {
        seconds: Some(-1.0),
    };
    insta::assert_snapshot!(errors(example().slow(negative).await), @r"
    Action
    INVALID at `seconds`: Value not >= 0.0
    ");
}
