"""The actions, as the specification of the example service has them."""

import datetime
import os
import time

import pytz
from conformity import fields
from pysoa.common.errors import Error
from pysoa.server.action.base import Action
from pysoa.server.action.switched import SwitchedAction
from pysoa.server.errors import ActionError, JobError

from reference_service.canonical import VALUES

ACTIONS = {}


def serves(name):
    """Puts the decorated class into the table of actions."""

    def register(action):
        ACTIONS[name] = action
        return action

    return register


def record(contents, optional=()):
    """A dictionary of known fields."""
    return fields.Dictionary(contents, optional_keys=optional)


def text(description=None, **limits):
    return fields.UnicodeString(description=description, **limits)


def integer(description=None, **limits):
    return fields.Integer(description=description, **limits)


@serves("square")
class Square(Action):
    description = "Squares an integer."
    request_schema = record({"number": integer("The number to square")})
    response_schema = record({"square": integer("The squared number")})

    def run(self, request):
        return {"square": request.body["number"] ** 2}


@serves("echo")
class Echo(Action):
    description = "Answers with what it was sent."

    def run(self, request):
        return request.body


FAILURE = {
    "code": text("The error's code, `EXAMPLE_FAILURE` by default"),
    "message": text("The error's message"),
    "field": fields.Nullable(text("The error's field, `some.field` by default")),
    "variables": fields.Nullable(fields.SchemalessDictionary(description="The error's variables")),
    "denied_permissions": fields.Nullable(
        fields.List(text(), description="The permissions that the caller lacks")
    ),
    "count": integer("How many times the error is reported", gte=1),
    "keep_caller_error": fields.Boolean(description="Whether the service takes the blame"),
}


@serves("fail")
class Fail(Action):
    description = "Always fails, in the way that it is told."
    request_schema = record(FAILURE, optional=FAILURE)

    def run(self, request):
        attributes = dict(request.body)
        count = attributes.pop("count", 1)
        keep = attributes.pop("keep_caller_error", False)
        attributes.setdefault("code", "EXAMPLE_FAILURE")
        attributes.setdefault("message", "This action always fails")
        attributes.setdefault("field", "some.field")
        raise ActionError([Error(**attributes)] * count, set_is_caller_error_to=None if keep else True)


@serves("boom")
class Boom(Action):
    description = "Fails unexpectedly. The server lives."

    def run(self, request):
        raise RuntimeError("boom")


@serves("job_error")
class JobErrorAction(Action):
    description = "Fails the whole job."

    def run(self, request):
        raise JobError([Error("CUSTOM_JOB_ERROR", "The whole job is bad", field="control.thing")])


@serves("validate_me")
class ValidateMe(Action):
    description = "Has a rule of every kind."
    request_schema = record(
        {
            "id": integer("A positive number", gt=0),
            "name": text("A short name", min_length=2, max_length=10),
            "tags": fields.List(text(), max_length=3, description="A few tags"),
            "kind": fields.Constant("a", "b", "c", description="One of three kinds"),
            "flag": fields.Boolean(description="Yes or no"),
            "when": fields.DateTime(description="A date-time, with or without zone"),
            "nested": fields.Dictionary(
                {"x": integer("A number"), "y": fields.Decimal(description="A decimal")},
                optional_keys=("y",),
                description="A dictionary of its own",
            ),
            "extra_map": fields.SchemalessDictionary(
                key_type=text(), value_type=integer(), description="Numbers by name"
            ),
            "maybe": fields.Nullable(integer("A number or nil")),
            "either": fields.Any(integer("A number."), text("A text."), description="A number or a text"),
        },
        optional=("tags", "kind", "flag", "when", "nested", "extra_map", "maybe", "either"),
    )
    response_schema = record({"ok": fields.Boolean(description="Always true")})

    def run(self, request):
        return {"ok": True}


@serves("custom_validate")
class CustomValidate(Action):
    description = "Checks its request by hand."
    response_schema = ValidateMe.response_schema

    def validate(self, request):
        if request.body.get("bad"):
            raise ActionError([Error("CUSTOM", "validate() said no", field="bad")])

    def run(self, request):
        return {"ok": True}


@serves("bad_response")
class BadResponse(Action):
    description = "Answers with what its own schema forbids."
    response_schema = record({"x": integer("An integer, says the schema")})

    def run(self, request):
        return {"x": "not an integer"}


@serves("not_serializable")
class NotSerializable(Action):
    description = "Answers with what cannot be carried."
    request_schema = record({"what": text("`tz`, `object` or `bigint`; `set` can be carried")}, optional=("what",))

    def run(self, request):
        values = {
            "tz": pytz.timezone("Europe/Paris").localize(datetime.datetime(2018, 9, 21)),
            "object": object(),
            "bigint": 2**64,
            "set": {1, 2},
        }
        return {"x": values.get(request.body.get("what"), 1)}


@serves("none")
class Nothing(Action):
    description = "Answers with nothing."

    def run(self, request):
        return None


@serves("get_context")
class GetContext(Action):
    description = "Answers with the context that it runs in."

    def run(self, request):
        return {
            "context": request.context,
            "control": request.control,
            "switches": sorted(request.switches),
            "action": request.action,
        }


@serves("call_square")
class CallSquare(Action):
    description = "Lets another service square a number."
    request_schema = record(
        {
            "number": integer("The number to square"),
            "service": text("The service that squares it, `example2` by default"),
        },
        optional=("service",),
    )

    def run(self, request):
        response = request.client.call_actions(
            request.body.get("service", "example2"),
            [
                {"action": "square", "body": {"number": request.body["number"]}},
                {"action": "get_context"},
            ],
            timeout=5,
        )
        square, callee = (action.body for action in response.actions)
        return {
            "square": square["square"],
            "received_context": request.context,
            "callee_context": callee["context"],
            "callee_control": callee["control"],
            "job_response_context": response.context,
        }


@serves("types")
class Types(Action):
    description = "Answers with a value of every type that can travel."

    def run(self, request):
        return {"canonical": VALUES, "received": request.body}


@serves("big")
class Big(Action):
    description = "Answers with as much as it is told."
    request_schema = record(
        {
            "size": integer("How many bytes or characters", gte=0),
            "kind": fields.Constant("bytes", "text", description="Of what, bytes by default"),
        },
        optional=("kind",),
    )

    def run(self, request):
        pattern = "0123456789abcdef" if request.body.get("kind") == "text" else bytes(range(256))
        size = request.body["size"]
        return {"data": (pattern * (size // len(pattern) + 1))[:size]}


class Switched1(Action):
    description = "V1"

    def run(self, request):
        return {"version": 1}


class Switched2(Action):
    description = "V2"

    def run(self, request):
        return {"version": 2, "is_active_5": request.switches.is_active(5)}


class Switched3(Action):
    description = "V3"

    def run(self, request):
        return {"version": 3}


@serves("switched")
class Switched(SwitchedAction):
    switch_to_action_map = (
        (7, Switched3),
        (5, Switched2),
        (SwitchedAction.DEFAULT_ACTION, Switched1),
    )


@serves("slow")
class Slow(Action):
    description = "Takes its time."
    request_schema = record({"seconds": fields.Float(description="How long to sleep, 0.1 by default")}, ("seconds",))

    def run(self, request):
        seconds = request.body.get("seconds", 0.1)
        time.sleep(seconds)
        return {"slept": seconds, "pid": os.getpid()}


MEMORY = {}


@serves("remember")
class Remember(Action):
    description = "Keeps a value in the memory of the process."
    request_schema = record({"key": text("Under which name"), "value": fields.Anything(description="What")})

    def run(self, request):
        MEMORY[request.body["key"]] = request.body["value"]


@serves("recall")
class Recall(Action):
    description = "Gives back a value that was remembered."
    request_schema = record({"key": text("Under which name")})

    def run(self, request):
        return {"value": MEMORY.get(request.body["key"])}


@serves("get_things")
class GetThings(Action):
    description = "Things that refer to owners."

    def run(self, request):
        owners = ["o1", "o2", "missing", None]
        return {
            "things": [
                {"_type": "thing_type", "id": str(number), "owner_id": owner}
                for number, owner in enumerate(owners, start=1)
            ]
        }


@serves("get_owners")
class GetOwners(Action):
    description = "The owners of things."
    request_schema = record({"owner_ids": fields.List(text(), description="Whose")})

    def run(self, request):
        return {
            "owners": {
                owner: {"_type": "owner_type", "id": owner, "name": "Owner " + owner}
                for owner in request.body["owner_ids"]
                if owner != "missing"
            }
        }
