"""The forms of a call: jobs, parallel calls, futures, separate sending and receiving, versions, threads."""

import collections
import threading

from pysoa.client.errors import CallActionError, CallJobError
from pysoa.common.serializer.json_serializer import JSONSerializer
from pysoa.common.transport.errors import MessageReceiveTimeout, MessageTooLarge

from checks.harness import MSGPACK, Raw, call, check, client, eventually, job, raises

FAILING = [
    {"action": "square", "body": {"number": 2}},
    {"action": "fail"},
    {"action": "square", "body": {"number": 3}},
]


def square(number):
    return {"action": "square", "body": {"number": number}}


def squares(responses):
    return [response.body["square"] for response in responses]


@check
def every_version_of_the_protocol_is_answered():
    for protocol in (1, 2, 3):
        made = client(protocol)
        assert made.call_action("example", "square", {"number": 5}).body == {"square": 25}, protocol
        with raises(CallActionError):
            made.call_action("example", "does_not_exist")
        assert squares(made.call_actions("example", [square(2), square(3)]).actions) == [4, 9], protocol


@check
def an_answer_is_in_the_version_of_its_request():
    asked = job(("square", {"number": 6}))
    for prefix in (b"", b"content-type:application/msgpack;", b"pysoa-redis/3//content-type:application/msgpack;"):
        frame = Raw().ask(asked, prefix)
        assert frame.startswith(prefix), (prefix, frame[:80])
        envelope = MSGPACK.blob_to_dict(frame[len(prefix) :])
        assert envelope["body"]["actions"] == [{"action": "square", "errors": [], "body": {"square": 36}}], envelope


@check
def json_is_answered_in_json():
    for protocol in (2, 3):
        made = client(protocol, json=True)
        body = {"text": "héllo ☃ 😀", "number": 1, "float": 1.5, "list": [1, [None, True]], "map": {"k": {}}}
        assert made.call_action("example", "echo", body).body == body
        assert made.call_action("example", "square", {"number": 7}).body == {"square": 49}
        with raises(CallActionError) as caught:
            made.call_action("example", "fail")
        assert caught.value.actions[0].errors[0].code == "EXAMPLE_FAILURE"
        with raises(CallActionError):
            made.call_action("example", "square", {"number": 1.5})
    head = b"pysoa-redis/3//content-type:application/json;"
    frame = Raw().ask(job(("square", {"number": 6})), head, JSONSerializer())
    assert frame.startswith(head), frame[:80]


@check
def the_meta_of_a_request_is_echoed():
    raw = Raw()
    head = b"pysoa-redis/3//content-type:application/msgpack;"
    frame = raw.ask(job(("none", {})), trace="abc")
    meta = MSGPACK.blob_to_dict(frame[len(head) :])["meta"]
    assert (meta["trace"], meta["reply_to"], meta["client_version"]) == ("abc", raw.reply_to, [1, 4, 9]), meta


@check
def a_job_runs_its_actions_in_order():
    response = client().call_actions("example", [square(number) for number in range(20)])
    assert squares(response.actions) == [number**2 for number in range(20)]
    assert [action.action for action in response.actions] == ["square"] * 20
    key = "order of a job"
    actions = [{"action": "remember", "body": {"key": key, "value": 1}}, {"action": "recall", "body": {"key": key}}]
    assert client().call_actions("example", actions).actions[1].body == {"value": 1}


@check
def an_error_ends_a_job():
    response = client().call_actions("example", FAILING, raise_action_errors=False)
    assert [action.action for action in response.actions] == ["square", "fail"], response
    assert [len(action.errors) for action in response.actions] == [0, 1], response


@check
def a_job_may_go_on_after_an_error():
    response = client().call_actions("example", FAILING, continue_on_error=True, raise_action_errors=False)
    assert [len(action.errors) for action in response.actions] == [0, 1, 0], response
    assert response.actions[2].body == {"square": 9}, response


@check
def parallel_actions_are_answered_in_order():
    actions = [square(number) for number in range(25)]
    assert squares(client().call_actions_parallel("example", actions)) == [number**2 for number in range(25)]
    with raises(CallActionError):
        list(client().call_actions_parallel("example", FAILING))
    responses = list(client().call_actions_parallel("example", FAILING, raise_action_errors=False))
    assert [len(response.errors) for response in responses] == [0, 1, 0], responses


@check
def parallel_jobs_go_to_several_services():
    jobs = [
        {"service_name": "example2" if number % 2 else "example", "actions": [square(number), square(-number)]}
        for number in range(10)
    ]
    responses = client().call_jobs_parallel(jobs)
    assert [squares(response.actions) for response in responses] == [[number**2] * 2 for number in range(10)]


@check
def errors_of_parallel_jobs_are_raised_or_returned():
    jobs = [
        {"service_name": "example", "actions": [square(1)]},
        {"service_name": "example2", "actions": [{"action": "job_error"}]},
    ]
    with raises(CallJobError):
        client().call_jobs_parallel(jobs)
    good, bad = client().call_jobs_parallel(jobs, raise_job_errors=False)
    assert squares(good.actions) == [1] and bad.errors[0].code == "CUSTOM_JOB_ERROR", (good, bad)
    jobs.append({"service_name": "example", "actions": [{"action": "echo", "body": {"data": b"x" * 200_000}}]})
    good, bad, unsent = client().call_jobs_parallel(jobs, raise_job_errors=False, catch_transport_errors=True)
    assert squares(good.actions) == [1] and isinstance(unsent, MessageTooLarge), (good, unsent)


@check
def a_future_is_collected_later_and_kept():
    made = client()
    future = made.call_action_future("example", "square", {"number": 12})
    assert future.running() and not future.done()
    assert future.result().body == {"square": 144}
    assert future.done() and future.exception() is None
    assert future.result() is future.result()


@check
def a_future_raises_what_its_call_would():
    future = client().call_action_future("example", "fail")
    assert isinstance(future.exception(), CallActionError)
    with raises(CallActionError):
        future.result()
    with raises(CallJobError):
        client().call_actions_future("example", [{"action": "job_error"}]).result()


@check
def futures_come_in_every_form():
    made = client()
    assert squares(made.call_actions_future("example", [square(2), square(3)]).result().actions) == [4, 9]
    assert squares(made.call_actions_parallel_future("example", [square(4), square(5)]).result()) == [16, 25]
    jobs = [{"service_name": name, "actions": [square(6)]} for name in ("example", "example2")]
    responses = made.call_jobs_parallel_future(jobs).result()
    assert [squares(response.actions) for response in responses] == [[36], [36]]


@check
def a_future_may_be_asked_again_after_a_timeout():
    future = client().call_action_future("example", "slow", {"seconds": 1.3})
    with raises(MessageReceiveTimeout):
        future.result(timeout=1)
    assert future.running()
    assert future.result(timeout=20).body["slept"] == 1.3


@check
def requests_are_sent_and_responses_received_separately():
    made = client()
    sent = {made.send_request("example", [square(number)], correlation_id="separate"): number for number in range(3)}
    assert len(sent) == 3
    received = {}
    for request_id, response in made.get_all_responses("example"):
        assert response.context == {"correlation_id": "separate"}, response
        received[request_id] = response.actions[0].body["square"]
    assert received == {request_id: number**2 for request_id, number in sent.items()}
    assert list(made.get_all_responses("example")) == []


@check
def an_expiry_is_told_as_the_timeout():
    made = client()
    made.send_request("example", [{"action": "get_context"}], message_expiry_in_seconds=3)
    ((_, response),) = made.get_all_responses("example")
    control = response.actions[0].body["control"]
    assert control["timeout"] == 3, control


@check
def a_suppressed_response_is_not_sent_but_the_job_is_done():
    made, key = client(), "remembered without an answer"
    body = {"key": key, "value": 5}
    made.send_request("example", [{"action": "remember", "body": body}], suppress_response=True)
    eventually(lambda: call("recall", {"key": key}) == {"value": 5}, "the suppressed job is done")
    with raises(MessageReceiveTimeout):
        list(made.get_all_responses("example", receive_timeout_in_seconds=1))


@check
def eight_threads_of_fifty_calls_each_get_their_own_answers():
    wrong, done = [], collections.Counter()

    def caller(thread):
        made = client()
        for number in range(thread * 1000, thread * 1000 + 50):
            try:
                got = made.call_action("example", "square", {"number": number}).body
                if got != {"square": number**2}:
                    wrong.append("{}: {}".format(number, got))
                done[thread] += 1
            except Exception as error:  # Whatever happens in a thread must reach the report.
                wrong.append("{}: {!r}".format(number, error))

    threads = [threading.Thread(target=caller, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]
    assert sorted(done.values()) == [50] * 8, done
