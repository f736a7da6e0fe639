"""Every kind of error."""

from pysoa.client.errors import CallActionError, ImproperlyConfigured
from pysoa.common.serializer.errors import InvalidField
from pysoa.common.serializer.json_serializer import JSONSerializer
from pysoa.common.transport.errors import MessageTooLarge

from checks.harness import Raw, brief, call, check, client, fails, fails_job, job, raises

NOT_SERIALIZABLE = (
    "RESPONSE_NOT_SERIALIZABLE",
    "Could not send the response because it failed to serialize",
    None,
)
TOO_LARGE = ("RESPONSE_TOO_LARGE", "Could not send the response because it was too large", None)

SQUARE = ("square", {"number": 4})


@check
def an_unknown_action_is_named():
    (error,) = fails("does_not_exist", {"a": 1})
    text = 'The action "does_not_exist" was not found on this server.'
    assert brief(error) == ("UNKNOWN", text, "action") and error.is_caller_error, error


@check
def missing_extra_and_ill_typed_fields_are_reported():
    errors = fails("square", {"nummer": 1})
    assert sorted(map(brief, errors), key=str) == [
        ("MISSING", "Missing key: number", "number"),
        ("UNKNOWN", "Extra keys present: nummer", None),
    ], errors
    (error,) = fails("square", {"number": "1"})
    assert brief(error) == ("INVALID", "Not an integer", "number"), error
    assert error.is_caller_error and error.traceback is None and error.variables is None, error


@check
def an_action_error_travels_with_all_its_attributes():
    (error,) = fails("fail")
    assert brief(error) == ("EXAMPLE_FAILURE", "This action always fails", "some.field"), error
    assert error.is_caller_error and error.denied_permissions is None and error.variables is None, error
    attributes = {
        "code": "TEAPOT",
        "message": "Kurz und stout ☕",
        "field": None,
        "variables": {"temperature": 90, "of": ["tea"]},
        "denied_permissions": ["brew", "pour"],
    }
    (error,) = fails("fail", attributes)
    assert {name: getattr(error, name) for name in attributes} == attributes, error
    assert len(fails("fail", {"count": 3})) == 3


@check
def the_blame_is_told():
    (error,) = fails("fail", {"keep_caller_error": True})
    assert error.is_caller_error is False, error
    (error,) = fails("fail", {"keep_caller_error": False})
    assert error.is_caller_error is True, error


@check
def an_unexpected_failure_is_a_server_error_and_the_server_lives():
    for action in ("boom", "bad_response"):
        (error,) = fails(action)
        assert error.code == "SERVER_ERROR" and error.message.startswith("Internal server error"), error
        assert error.is_caller_error is False, error
    assert call("square", {"number": 3}) == {"square": 9}


@check
def a_job_error_ends_the_job():
    error = fails_job("job_error")
    assert brief(error) == ("CUSTOM_JOB_ERROR", "The whole job is bad", "control.thing"), error
    assert error.is_caller_error is False, error
    response = client().call_actions(
        "example",
        [{"action": "square", "body": {"number": 2}}, {"action": "job_error"}, {"action": "none"}],
        continue_on_error=True,
        raise_job_errors=False,
    )
    assert [error.code for error in response.errors] == ["CUSTOM_JOB_ERROR"] and not response.actions, response


@check
def what_cannot_be_serialized_is_a_job_error():
    for what in ("tz", "object", "bigint"):
        error = fails_job("not_serializable", {"what": what})
        assert brief(error) == NOT_SERIALIZABLE and error.is_caller_error is False, (what, error)


@check
def json_callers_are_told_of_types_that_json_lacks():
    error = fails_job("types", made=client(json=True))
    assert brief(error) == NOT_SERIALIZABLE, error


@check
def a_response_over_the_limit_is_refused():
    for protocol in (1, 2, 3):
        error = fails_job("big", {"size": 300_000}, made=client(protocol))
        assert brief(error) == TOO_LARGE and error.is_caller_error is False, (protocol, error)
    assert len(call("big", {"size": 255_000})["data"]) == 255_000


@check
def a_request_over_the_limit_is_not_sent():
    with raises(MessageTooLarge):
        call("echo", {"data": b"x" * 102_400})
    assert len(call("echo", {"data": b"x" * 100_000})["data"]) == 100_000


@check
def a_larger_limit_of_the_client_lets_a_larger_request_through():
    made = client(maximum_message_size_in_bytes=250_000)
    assert made.call_action("example", "echo", {"data": b"x" * 200_000}).body == {"data": b"x" * 200_000}


@check
def bytes_cannot_be_sent_as_json():
    with raises(InvalidField):
        client(json=True).call_action("example", "echo", {"data": b"x"})


@check
def an_unknown_service_is_the_clients_error():
    with raises(ImproperlyConfigured):
        client().call_action("example3", "square", {"number": 1})


@check
def a_chained_call_to_an_unknown_service_is_a_server_error():
    (error,) = fails("call_square", {"number": 1, "service": "nowhere"})
    assert error.code == "SERVER_ERROR" and not error.is_caller_error, error


@check
def errors_can_be_returned_instead_of_raised():
    response = client().call_action("example", "fail", raise_action_errors=False)
    assert [error.code for error in response.errors] == ["EXAMPLE_FAILURE"], response
    response = client().call_actions("example", [{"action": "job_error"}], raise_job_errors=False)
    assert [error.code for error in response.errors] == ["CUSTOM_JOB_ERROR"], response


@check
def an_error_names_the_failed_actions_only():
    actions = [{"action": "square", "body": {"number": 2}}, {"action": "fail"}, {"action": "boom"}]
    with raises(CallActionError) as caught:
        client().call_actions("example", actions, continue_on_error=True)
    assert [action.action for action in caught.value.actions] == ["fail", "boom"], caught.value


@check
def a_job_without_actions_is_refused():
    made = client()
    made.send_request("example", [])
    ((_, response),) = made.get_all_responses("example")
    assert [brief(error) for error in response.errors] == [("INVALID", "List is shorter than 1", "actions")], response
    assert response.context == {} and response.actions == [], response


@check
def a_malformed_job_is_refused_with_its_fields():
    response = Raw().answer({"actions": [{"action": "square", "body": {"number": 1}}]})
    assert response["actions"] == [] and response["context"] == {}, response
    assert sorted((error["code"], error["field"]) for error in response["errors"]) == [
        ("MISSING", "context"),
        ("MISSING", "control"),
    ], response
    assert not any(error["is_caller_error"] for error in response["errors"]), response
    response = Raw().answer(dict(job(SQUARE), extra=1))
    (error,) = response["errors"]
    assert (error["code"], error["message"]) == ("UNKNOWN", "Extra keys present: extra"), response


@check
def an_error_has_all_its_keys_on_the_wire():
    ((error,),) = [action["errors"] for action in Raw().answer(job(("fail", {})))["actions"]]
    assert error == {
        "code": "EXAMPLE_FAILURE",
        "message": "This action always fails",
        "field": "some.field",
        "traceback": None,
        "variables": None,
        "denied_permissions": None,
        "is_caller_error": True,
    }, error


@check
def an_old_client_is_not_told_whose_fault_it_is():
    for version, told in (([0, 69, 0], False), ([0, 70, 0], True)):
        response = Raw().answer(job(("fail", {})), client_version=version)
        ((error,),) = [action["errors"] for action in response["actions"]]
        assert ("is_caller_error" in error) is told, (version, error)


@check(differs="PySOA puts these into version 3 and its own serializer, whatever the caller speaks")
def substitute_errors_come_in_the_version_and_serializer_of_the_caller():
    too_large, odd = job(("big", {"size": 300_000})), job(("not_serializable", {"what": "object"}))
    for asked in (too_large, odd):
        frame = Raw().ask(asked, b"content-type:application/msgpack;")
        assert frame.startswith(b"content-type:application/msgpack;"), frame[:80]
        frame = Raw().ask(asked, b"")
        assert b"content-type" not in frame, frame[:80]
        json_head = b"pysoa-redis/3//content-type:application/json;"
        frame = Raw().ask(asked, json_head, JSONSerializer())
        assert frame.startswith(json_head), frame[:80]
        (error,) = JSONSerializer().blob_to_dict(frame[len(json_head) :])["body"]["errors"]
        assert error["code"] in ("RESPONSE_TOO_LARGE", "RESPONSE_NOT_SERIALIZABLE"), error
