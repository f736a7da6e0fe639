//! What is written is what is read: jobs, answers, and typed values, in every version and encoding.

use std::time::Duration;

use crate::support::{
    Order, REPLY_TO, answer, cases, encoding, entries, format, job, order, value,
};
use bytes::Bytes;
use proptest::prelude::*;
use soa_runtime::wire::{
    FrameHead, ProtocolVersion, read_request, read_response, write_request, write_response,
};
use soa_runtime::{ActionResponse, Body, Encoding, JobResponse, Map, Value, WireError, code};

const LIFETIME: Duration = Duration::from_secs(60);

fn error() -> impl Strategy<Value = WireError> {
    let text = || "\\PC{0,12}";
    let parts = (
        text(),
        text(),
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(entries(value())),
        prop::option::of(prop::collection::vec(text(), 0..4)),
        any::<bool>(),
    );
    parts.prop_map(
        |(code, message, field, traceback, variables, denied_permissions, is_caller_error)| {
            let mut error = WireError::caller(code, message);
            error.field = field;
            error.traceback = traceback;
            error.variables = variables;
            error.denied_permissions = denied_permissions;
            error.is_caller_error = is_caller_error;
            error
        },
    )
}

fn response(encoding: Encoding) -> impl Strategy<Value = JobResponse> {
    let errors = || prop::collection::vec(error(), 0..3);
    let action = ("\\PC{0,8}", errors(), entries(value()));
    let action = action.prop_map(move |(name, errors, body)| {
        let mut action = ActionResponse::new(name, Body::encode(encoding, &body));
        action.errors = errors;
        action
    });
    let actions = prop::collection::vec(action, 0..4);
    (
        errors(),
        actions,
        prop::option::of("\\PC{0,32}"),
        entries(value()),
    )
        .prop_map(|(errors, actions, correlation_id, extra)| {
            let mut response = JobResponse::default();
            response.errors = errors;
            response.actions = actions;
            response.context.correlation_id = correlation_id.map(Into::into);
            let is_extra = |key: &Value| key.as_str() != Some("correlation_id");
            response.context.extra = extra.into_iter().filter(|(key, _)| is_extra(key)).collect();
            response
        })
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_job_is_read_as_it_was_written(
        (version, encoding, job) in format().prop_flat_map(|(version, encoding)| (Just(version), Just(encoding), job(encoding))),
        id in any::<i64>(),
    ) {
        let frame = write_request(version, encoding, id, REPLY_TO, LIFETIME, &job).unwrap();
        prop_assert_eq!(FrameHead::read(&frame).unwrap().version(), version);
        let request = read_request(&frame, &Default::default()).unwrap();
        prop_assert!(!request.head.is_suppressed());
        prop_assert_eq!(request.head.into_reply_to(), Some(REPLY_TO.to_owned()));
        let read = request.job.unwrap();
        prop_assert_eq!(read.context, job.context);
        prop_assert_eq!(read.control, job.control);
        prop_assert_eq!(read.actions.len(), job.actions.len());
        for (read, written) in read.actions.iter().zip(&job.actions) {
            prop_assert_eq!(&read.action, &written.action);
            prop_assert_eq!(read.body.bytes().unwrap(), written.body.bytes().unwrap());
        }
    }

    #[test]
    fn a_response_is_read_as_it_was_written(
        (encoding, written) in encoding().prop_flat_map(|encoding| (Just(encoding), response(encoding))),
        job in encoding().prop_flat_map(job),
        id in any::<i64>(),
    ) {
        let bodies = job.actions.iter().map(|action| action.body.to_value().unwrap());
        let bodies = bodies.map(|body| soa_runtime::ActionRequest::new("echo", Body::encode(encoding, &body)));
        let job = soa_runtime::JobRequest::new(job.context, job.control, bodies.collect());
        let frame = write_request(ProtocolVersion::V3, encoding, id, REPLY_TO, LIFETIME, &job).unwrap();
        let head = read_request(&frame, &Default::default()).unwrap().head;
        let frame = write_response(&head, &written).unwrap();
        let read = read_response(&frame, &Default::default()).unwrap();
        prop_assert_eq!(read.request_id, Value::from(id));
        prop_assert_eq!(read.job.errors, written.errors);
        prop_assert_eq!(read.job.context, written.context);
        prop_assert_eq!(read.job.actions.len(), written.actions.len());
        for (read, written) in read.job.actions.iter().zip(&written.actions) {
            prop_assert_eq!(&read.action, &written.action);
            prop_assert_eq!(&read.errors, &written.errors);
            prop_assert_eq!(read.body.bytes().unwrap(), written.body.bytes().unwrap());
        }
    }

    #[test]
    fn a_server_answers_each_action_in_order_with_what_it_was_given(
        (version, encoding, job) in format().prop_flat_map(|(version, encoding)| (Just(version), Just(encoding), job(encoding))),
        id in any::<i64>(),
    ) {
        let frame = write_request(version, encoding, id, REPLY_TO, LIFETIME, &job).unwrap();
        let answer = answer(frame).expect("a good request is answered");
        prop_assert_eq!(&answer.reply_to, REPLY_TO);
        let head = FrameHead::read(&answer.frame).unwrap();
        prop_assert_eq!(head.version(), version);
        let response = read_response(&answer.frame, &Default::default()).unwrap();
        prop_assert_eq!(response.request_id, Value::from(id));
        prop_assert_eq!(response.job.errors, vec![]);
        prop_assert_eq!(response.job.context.correlation_id.as_ref(), Some(&job.context.correlation_id));
        for (asked, answered) in job.actions.iter().zip(&response.job.actions) {
            prop_assert_eq!(&asked.action, &answered.action);
            let is_known = ["echo", "order"].contains(&&*asked.action);
            if !is_known {
                let error = &answered.errors[0];
                prop_assert_eq!((&*error.code, error.field.as_deref()), (code::UNKNOWN, Some("action")));
            } else if answered.errors.is_empty() && asked.action == "echo" {
                prop_assert_eq!(asked.body.to_value().unwrap(), answered.body.to_value().unwrap());
            } else if answered.errors.is_empty() {
                prop_assert_eq!(asked.body.decode::<Order>().unwrap(), answered.body.decode::<Order>().unwrap());
            }
        }
        let ran = response.job.actions.len();
        let has_stopped = response.job.actions.last().is_some_and(|action| !action.errors.is_empty());
        prop_assert!(ran == job.actions.len() || has_stopped && !job.control.continue_on_error);
    }

    #[test]
    fn a_typed_value_survives_the_way_to_the_server_and_back(
        (version, encoding) in format(), order in order(), id in any::<i64>(),
    ) {
        let body = Body::encode(encoding, &order);
        let actions = vec![soa_runtime::ActionRequest::new("order", body)];
        let context = soa_runtime::ContextHeader::new("c");
        let job = soa_runtime::JobRequest::new(context, Default::default(), actions);
        let frame = write_request(version, encoding, id, REPLY_TO, LIFETIME, &job).unwrap();
        let frame: Bytes = answer(frame).unwrap().frame;
        let response = read_response(&frame, &Default::default()).unwrap().job;
        prop_assert_eq!(&response.actions[0].errors, &vec![]);
        prop_assert_eq!(response.actions[0].body.decode::<Order>().unwrap(), order);
    }
}

#[test]
fn an_error_for_an_old_client_has_no_word_about_whose_fault_it_is() {
    for (version, knows) in [
        ("[0, 69, 9]", false),
        ("[0, 70]", false),
        ("[0, 70, 0]", true),
        ("[1]", true),
        ("[]", false),
    ] {
        let request = format!(
            "content-type:application/json;{{\"request_id\": 1, \"meta\": {{\"reply_to\": \"{REPLY_TO}\", \
             \"client_version\": {version}}}, \"body\": 1}}"
        );
        let frame = answer(request.into()).unwrap().frame;
        let start = FrameHead::read(&frame).unwrap().payload_start();
        let response = soa_runtime::codec::json::decode_value(&frame[start..]).unwrap();
        let errors = response
            .get("body")
            .and_then(|body| body.get("errors"))
            .and_then(Value::as_list);
        let keys: Vec<&Map> = errors.unwrap().iter().filter_map(Value::as_map).collect();
        assert_eq!(keys[0].contains_key("is_caller_error"), knows, "{version}");
    }
}

/// A handler passes the context that it got on to the services that it calls, and what is in there is its caller's choice.
#[test]
fn a_context_of_many_keys_is_written_in_no_time() {
    let mut context = soa_runtime::ContextHeader::new("c");
    let mut control = soa_runtime::Control::default();
    for index in 0..20_000 {
        context.extra.push(format!("{index:x}"), Value::Nil);
        control.extra.push(format!("{index:x}"), Value::Nil);
    }
    let action = soa_runtime::ActionRequest::new("echo", Body::empty(Encoding::MessagePack));
    let job = soa_runtime::JobRequest::new(context, control, vec![action]);
    let start = std::time::Instant::now();
    let version = ProtocolVersion::V3;
    write_request(version, Encoding::MessagePack, 1, REPLY_TO, LIFETIME, &job).unwrap();
    // In a debug build on a busy machine; the square of the keys took ten times as long.
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
}
