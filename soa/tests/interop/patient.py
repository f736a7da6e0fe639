"""A client of the reference reads `status` and `introspect` of the service `patient` in full.

    SOA_REDIS_PORTS=PORT PYSOA_PYTHON patient.py

Ends with an exception where anything is not as it should be.
"""

from pysoa.client.client import Client
from pysoa.server.action.introspection import IntrospectionAction
from pysoa.server.action.status import BaseStatusAction

import backend
from checks.harness import PATIENCE

TRANSPORT = {
    "path": "pysoa.common.transport.redis_gateway.client:RedisClientTransport",
    "kwargs": {**backend.BACKEND, "receive_timeout_in_seconds": PATIENCE},
}


def call(action, body=None):
    client = Client({"patient": {"transport": TRANSPORT}})
    return client.call_action("patient", action, body or {}).body


def assert_status():
    brief = call("status", {"verbose": False})
    assert brief["version"] == "4.5.6" and brief["build"] == "7f3a2c1", brief
    assert "healthcheck" not in brief, brief
    # The second time a result is told that was kept.
    for _ in range(2):
        body = call("status", {"verbose": True})
        found = body["healthcheck"]
        for kind in ("errors", "warnings"):
            # The wire knows no tuples, whoever serves; their schema is for what the service returns.
            found[kind] = [tuple(finding) for finding in found[kind]]
        errors = BaseStatusAction.response_schema.errors(body)
        assert not errors, errors
        assert found["errors"] == [
            ("NO_REFLEX", "The knee does not move"),
            ("HEALTH_CHECK_TIMEOUT", "The check `patience` was not done within 50ms"),
            ("HEALTH_CHECK_PANICKED", "The check `nerves` panicked"),
        ], found
        (fever, slow) = found["warnings"]
        assert fever == ("FEVER", "38.5 degrees"), found
        assert slow[0] == "HEALTH_CHECK_SLOW" and slow[1].startswith("The check `sleep` took "), found
        diagnostics = found["diagnostics"]
        assert diagnostics["pulse"] == 60 and diagnostics["group"] == "0", found
        assert list(diagnostics["health_check_ages"]) == ["blood"], found


def assert_introspection():
    body = call("introspect")
    errors = IntrospectionAction.response_schema.errors(body)
    assert not errors, errors
    assert body["documentation"] == "Is examined.", body
    assert body["action_names"] == ["introspect", "keep", "status"], body
    keep = body["actions"]["keep"]
    assert keep["documentation"] == "Keeps a record.", keep
    schema = keep["request_schema"]
    # Further keys, which tools of the reference do not look at.
    declared = schema.pop("action")
    assert declared == {
        "timeout": 30.0,
        "errors": [
            {
                "code": "NOT_A_PATIENT",
                "message": "{name} is not a patient",
                "field": "name",
                "is_caller_error": True,
                "variables": {"name": {"type": "unicode"}},
            },
        ],
    }, declared
    assert schema == keep["response_schema"], keep
    assert schema["name"] == "Record", schema
    assert schema["type"] == "polymorph" and schema["switch_field"] == "kind", schema
    cash, card = schema["contents_map"]["Cash"], schema["contents_map"]["Card"]
    assert set(card["contents"]) - set(cash["contents"]) == {"number"}, schema
    types = {name: field["type"] for name, field in card["contents"].items()}
    assert types == {
        "name": "unicode",
        "age": "integer",
        "ward": "constant",
        "kind": "constant",
        "number": "unicode",
        "temperatures": "schemaless_dictionary",
        "seen": "nullable",
        "bill": "decimal",
        "picture": "bytes",
        "address": "ip_address",
        "parents": "list",
        "pair": "tuple",
        "notes": "anything",
    }, types
    # A record in a record.
    parents = card["contents"]["parents"]
    assert parents == {"type": "list", "contents": {"type": "anything", "reference": "Record"}}, parents
    assert card["optional_keys"] == ["address", "age", "picture"], card
    assert card["contents"]["name"] == {
        "type": "unicode",
        "min_length": 1,
        "max_length": 40,
        "description": "Who it is.",
    }, card
    assert card["contents"]["age"] == {"type": "integer", "gte": 0, "lte": 150}, card
    assert card["contents"]["ward"]["values"] == ["High", "Low"], card


assert_status()
assert_introspection()
