"""Every action, called in the simplest way."""

import datetime
import json
import pathlib
import struct

from pysoa.client.errors import CallActionError

from checks.harness import MSGPACK, Raw, brief, call, check, client, fails, fails_job, job, raises
from reference_service.canonical import VALUES

#: Bodies for `validate_me`, and the errors that Conformity finds in them.
CASES = pathlib.Path(__file__).parents[4] / "example_service/tests/validation_cases.json"

#: What PySOA loses of a date-time now and then, as it goes by way of a floating point number.
MICROSECOND = datetime.timedelta(microseconds=1)


def assert_same(got, expected, path="body"):
    """Equality of values and of types, but for the microsecond that PySOA loses."""
    assert type(got) is type(expected), "{}: {!r} is no {}".format(path, got, type(expected).__name__)
    if isinstance(expected, dict):
        assert got.keys() == expected.keys(), "{}: {} against {}".format(path, sorted(got), sorted(expected))
        for key in expected:
            assert_same(got[key], expected[key], "{}.{}".format(path, key))
    elif isinstance(expected, list):
        assert len(got) == len(expected), "{}: {!r}".format(path, got)
        for index, pair in enumerate(zip(got, expected)):
            assert_same(*pair, "{}.{}".format(path, index))
    elif isinstance(expected, datetime.datetime):
        assert abs(got - expected) <= MICROSECOND, "{}: {!r} is not {!r}".format(path, got, expected)
    else:
        # The text tells -0.0 from 0.0, and 1.50 from 1.5.
        assert repr(got) == repr(expected), "{}: {!r} is not {!r}".format(path, got, expected)


@check
def square_squares():
    for number in (0, 1, -3, 42, 2**31, -(2**31), 2**32 - 1):
        assert call("square", {"number": number}) == {"square": number**2}, number


@check
def a_square_beyond_64_bits_never_wraps_around():
    error = fails_job("square", {"number": 2**40})
    assert error.code == "RESPONSE_NOT_SERIALIZABLE", error


@check
def echo_keeps_every_value_and_its_type():
    for name, value in VALUES.items():
        assert_same(call("echo", {name: value})[name], value, name)
    assert_same(call("echo", VALUES), VALUES)
    assert call("echo") == {}


@check
def echo_keeps_long_values():
    body = {
        "bytes": bytes(range(256)) * 80,
        "text": "☃" * 20_000,
        "list": list(range(-500, 500)),
        "map": {"key {}".format(number): number for number in range(500)},
        "deep": [[[[[[[[[["bottom"]]]]]]]]]],
    }
    del body["text"]
    assert_same(call("echo", body), body)
    assert_same(call("echo", {"text": "☃" * 20_000}), {"text": "☃" * 20_000})


@check
def none_answers_with_an_empty_body():
    assert call("none") == {}
    assert call("none", {"whatever": 1}) == {}


@check
def types_are_those_of_the_specification():
    body = call("types", {"some": "thing"})
    assert_same(body["canonical"], VALUES, "canonical")
    assert body["received"] == {"some": "thing"}


@check(differs="PySOA converts date-times by way of floating point numbers, and loses a microsecond now and then")
def date_times_lose_no_microsecond():
    frame = Raw().ask(job(("types", {})))
    microseconds = -2174586893999993  # 1901-02-03T04:05:06.000007
    assert b"\xd7\x01" + struct.pack(">q", microseconds) in frame, frame


@check
def big_answers_with_as_much_as_it_is_told():
    assert call("big", {"size": 0}) == {"data": b""}
    assert call("big", {"size": 300})["data"] == bytes(range(256)) + bytes(range(44))
    assert call("big", {"size": 20, "kind": "text"}) == {"data": "0123456789abcdef0123"}
    assert len(call("big", {"size": 200_000})["data"]) == 200_000


@check
def slow_takes_its_time():
    body = call("slow", {"seconds": 0.05})
    assert body["slept"] == 0.05 and isinstance(body["pid"], int), body
    assert call("slow")["slept"] == 0.1


@check
def what_is_remembered_is_recalled():
    key = "a thing to remember"
    assert call("remember", {"key": key, "value": VALUES["list"]}) == {}
    assert call("recall", {"key": key}) == {"value": VALUES["list"]}
    assert call("recall", {"key": "never remembered"}) == {"value": None}


@check
def things_and_owners():
    things = call("get_things")["things"]
    assert [thing["id"] for thing in things] == ["1", "2", "3", "4"]
    assert [thing["owner_id"] for thing in things] == ["o1", "o2", "missing", None]
    assert {thing["_type"] for thing in things} == {"thing_type"}
    owner = {"_type": "owner_type", "id": "o2", "name": "Owner o2"}
    assert call("get_owners", {"owner_ids": ["o2", "missing"]}) == {"owners": {"o2": owner}}


@check
def validate_me_accepts_what_keeps_its_rules():
    body = {
        "id": 1,
        "name": "Jean",
        "tags": ["a", "b", "c"],
        "kind": "b",
        "flag": False,
        "when": VALUES["dt_utc"],
        "nested": {"x": 1, "y": VALUES["decimal"]},
        "extra_map": {"one": 1},
        "maybe": None,
        "either": "text",
    }
    assert call("validate_me", body) == {"ok": True}
    assert call("validate_me", dict(body, when=VALUES["dt_naive"], maybe=3, either=4)) == {"ok": True}
    assert call("validate_me", {"id": 1, "name": "éé"}) == {"ok": True}


@check
def validate_me_reports_every_wrong_field_at_once():
    body = {"id": 0, "tags": ["a", 1, "b", "c"], "kind": "d", "nested": {"y": 1}, "z": 1, "y": 2}
    errors = fails("validate_me", body)
    assert all(error.is_caller_error for error in errors), errors
    assert sorted(map(brief, errors), key=str) == sorted(
        [
            ("INVALID", "Value not > 0", "id"),
            ("MISSING", "Missing key: name", "name"),
            ("INVALID", "List is longer than 3", "tags"),
            ("INVALID", "Not a unicode string", "tags.1"),
            ("UNKNOWN", 'Value is not one of: "a", "b", "c"', "kind"),
            ("MISSING", "Missing key: x", "nested.x"),
            ("INVALID", "Not a decimal", "nested.y"),
            ("UNKNOWN", "Extra keys present: y, z", None),
        ],
        key=str,
    ), errors


@check
def every_rule_of_validate_me_is_reported_as_conformity_does():
    made, wrong = client(), []
    for case in json.loads(CASES.read_text()):
        body = MSGPACK.blob_to_dict(bytes.fromhex(case["body"]))
        response = made.call_action("example", "validate_me", body, raise_action_errors=False)
        got = [list(brief(error)) for error in response.errors]
        if sorted(got, key=str) != sorted(case["errors"], key=str):
            wrong.append("{!r}\n    got      {}\n    expected {}".format(body, got, case["errors"]))
    assert not wrong, "{} bodies:\n{}".format(len(wrong), "\n".join(wrong[:5]))


@check
def custom_validation_is_the_services_own():
    assert call("custom_validate") == {"ok": True}
    assert call("custom_validate", {"bad": 0}) == {"ok": True}
    (error,) = fails("custom_validate", {"bad": True})
    assert brief(error) == ("CUSTOM", "validate() said no", "bad") and error.is_caller_error, error


@check
def not_serializable_can_be_serializable():
    assert call("not_serializable") == {"x": 1}
    assert call("not_serializable", {"what": "set"}) == {"x": [1, 2]}


@check
def every_action_is_served_by_example2_too():
    assert call("square", {"number": 9}, service="example2") == {"square": 81}
    assert_same(call("types", service="example2")["canonical"], VALUES)
    with raises(CallActionError):
        call("fail", service="example2")
