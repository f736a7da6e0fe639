"""What the checks share: the registry, clients of the reference in every configuration, raw messages.

A check is a function under `@check`; its name is the statement that it makes. It asserts by `assert` and by the
`fails_*` helpers, and needs no state but the services `example` and `example2` on the Redis of the run.
"""

import contextlib
import copy
import time
import uuid

import redis
from pysoa.client.client import Client
from pysoa.client.errors import CallActionError, CallJobError
from pysoa.common.serializer.msgpack_serializer import MsgpackSerializer
from pysoa.common.transport.redis_gateway.constants import ProtocolVersion

import backend

CHECKS = []

MSGPACK = MsgpackSerializer()
JSON_PATH = "pysoa.common.serializer.json_serializer:JSONSerializer"

SERVICES = ("example", "example2")

#: How long an answer may take, in seconds: the machine may be busy with other tests.
PATIENCE = 20



def check(function=None, *, differs=None):
    """Registers a check. `differs` tells why the reference, on purpose, is not held to it."""

    def register(check_function):
        CHECKS.append((check_function, differs))
        return check_function

    return register(function) if function else register


def client(protocol=3, json=False, context=None, expansions=None, **transport):
    """A fresh client of both services: in this version, with this serializer and these transport settings."""
    kwargs = {
        **copy.deepcopy(backend.BACKEND),
        "receive_timeout_in_seconds": PATIENCE,
        **transport,
    }
    if json:
        kwargs["default_serializer_config"] = {"path": JSON_PATH}
    path = "pysoa.common.transport.redis_gateway.client:RedisClientTransport"
    config = {name: {"transport": {"path": path, "kwargs": kwargs}} for name in SERVICES}
    made = Client(config, context=context, expansion_config=expansions)
    for name in SERVICES:
        made._get_handler(name).transport.core.protocol_version = ProtocolVersion(protocol)
    return made


def call(action, body=None, service="example", **options):
    """The body with which one action answers a fresh client."""
    return client().call_action(service, action, body or {}, **options).body


def brief(error):
    """What a validation error says."""
    return error.code, error.message, error.field


@contextlib.contextmanager
def raises(kind):
    """Expects an exception of this kind, and gives it out under `.value`."""

    class Caught:
        value = None

    caught = Caught()
    try:
        yield caught
    except kind as error:
        caught.value = error
    else:
        raise AssertionError("nothing was raised, expected {}".format(kind.__name__))


def fails(action, body=None, service="example", **options):
    """The errors with which an action refuses this body."""
    with raises(CallActionError) as caught:
        client().call_action(service, action, body or {}, **options)
    (response,) = caught.value.actions
    assert response.action == action, response
    assert response.body == {}, response
    return response.errors


def fails_job(action, body=None, made=None, service="example", **options):
    """The one error with which a job of one action is refused."""
    with raises(CallJobError) as caught:
        (made or client()).call_action(service, action, body or {}, **options)
    (error,) = caught.value.errors
    return error


def eventually(condition, what, seconds=PATIENCE):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "{}: not within {} s".format(what, seconds)
        time.sleep(0.01)


class Raw:
    """Frames without a client: for what a client of the reference does not let through, or hides."""

    def __init__(self, service="example"):
        self.redis = redis.Redis(host="127.0.0.1", port=backend.PORTS[0])
        self.service = service
        self.reply_to = "service.{}.{}!raw".format(service, uuid.uuid4().hex)

    def ask(self, job, prefix=b"pysoa-redis/3//content-type:application/msgpack;", serializer=MSGPACK, **meta):
        """Sends a job request and gives back the raw frame of the answer."""
        meta = {"client_version": [1, 4, 9], "reply_to": self.reply_to, "__expiry__": time.time() + 60, **meta}
        envelope = serializer.dict_to_blob({"request_id": 7, "meta": meta, "body": job})
        self.redis.rpush("pysoa:service." + self.service, prefix + envelope)
        popped = self.redis.blpop(["pysoa:" + self.reply_to], timeout=PATIENCE)
        assert popped, "no answer within {} s".format(PATIENCE)
        return popped[1]

    def answer(self, job, **meta):
        """The job response to a MessagePack request of version 3."""
        prefix = b"pysoa-redis/3//content-type:application/msgpack;"
        frame = self.ask(job, prefix, **meta)
        assert frame.startswith(prefix), frame[:80]
        envelope = MSGPACK.blob_to_dict(frame[len(prefix) :])
        assert envelope["request_id"] == 7, envelope
        return envelope["body"]


def job(*actions, context=None, control=None):
    """A job request as it travels."""
    return {
        "control": {"continue_on_error": False, "suppress_response": False, **(control or {})},
        "context": {"correlation_id": "raw", "switches": [], **(context or {})},
        "actions": [{"action": name, "body": body} for name, body in actions],
    }
