"""`status` and `introspect`: what tools of the reference need to find."""

import re

from pysoa.server.action.introspection import IntrospectionAction
from pysoa.server.action.status import BaseStatusAction

from checks.harness import brief, call, check, fails

ACTIONS = """
    bad_response big boom call_square custom_validate echo fail get_context get_owners get_things introspect
    job_error none not_serializable recall remember slow square status switched types validate_me
""".split()

#: Request fields of the actions that declare them: name and type, with a `?` where it may be left out.
REQUESTS = {
    "big": "kind?:constant size:integer",
    "call_square": "number:integer service?:unicode",
    "fail": "code?:unicode count?:integer denied_permissions?:nullable field?:nullable keep_caller_error?:boolean "
    "message?:unicode variables?:nullable",
    "get_owners": "owner_ids:list",
    "introspect": "action_name?:unicode",
    "not_serializable": "what?:unicode",
    "recall": "key:unicode",
    "remember": "key:unicode value:anything",
    "slow": "seconds?:float",
    "status": "verbose?:boolean",
}

#: Actions that take any body; those of the second line also answer with any.
ANY_REQUEST = ["bad_response", "boom", "custom_validate", "get_context", "get_things", "job_error", "none", "types"]
ANY_BOTH = ["echo"]

INTEGER, TEXT = {"type": "integer"}, {"type": "unicode"}

VALIDATE_ME = {
    "id": {"type": "integer", "gt": 0, "description": "A positive number"},
    "name": {"type": "unicode", "min_length": 2, "max_length": 10, "description": "A short name"},
    "tags": {"type": "list", "contents": TEXT, "max_length": 3, "description": "A few tags"},
    "kind": {"type": "constant", "values": ["a", "b", "c"], "description": "One of three kinds"},
    "flag": {"type": "boolean", "description": "Yes or no"},
    "when": {"type": "datetime", "description": "A date-time, with or without zone"},
    "nested": {
        "type": "dictionary",
        "contents": {"x": dict(INTEGER, description="A number"), "y": {"type": "decimal", "description": "A decimal"}},
        "optional_keys": ["y"],
        "allow_extra_keys": False,
        "description": "A dictionary of its own",
    },
    "extra_map": {
        "type": "schemaless_dictionary",
        "key_type": TEXT,
        "value_type": INTEGER,
        "description": "Numbers by name",
    },
    # In Conformity a description belongs to what may be nil, not to its being nullable.
    "maybe": {"type": "nullable", "nullable": dict(INTEGER, description="A number or nil")},
    "either": {
        "type": "any",
        "options": [dict(INTEGER, description="A number."), dict(TEXT, description="A text.")],
        "description": "A number or a text",
    },
}

#: The types of Conformity that describe what is inside, and where.
INNER = {
    "dictionary": ["contents"],
    "list": ["contents"],
    "tuple": ["contents"],
    "nullable": ["nullable"],
    "schemaless_dictionary": ["key_type", "value_type"],
    "any": ["options"],
}

LEAVES = """
    anything boolean bytes constant currint.Amount date datetime decimal float hashable integer time unicode
""".split()


def assert_is_schema(schema, path):
    """A description in Conformity's form, all the way down."""
    assert isinstance(schema, dict), "{}: {!r}".format(path, schema)
    assert schema["type"] in LEAVES or schema["type"] in INNER, "{}: {!r}".format(path, schema)
    if "description" in schema:
        assert schema["description"] and isinstance(schema["description"], str), path
    if schema["type"] == "dictionary":
        assert set(schema["optional_keys"]) <= set(schema["contents"]), "{}: {!r}".format(path, schema)
        assert isinstance(schema["allow_extra_keys"], bool), path
        for name, field in schema["contents"].items():
            assert_is_schema(field, "{}.{}".format(path, name))
        return
    for key in INNER.get(schema["type"], ()):
        inner = schema.get(key)
        for part in inner if isinstance(inner, list) else [inner]:
            # A dictionary of anything need not say so.
            if part is not None or schema["type"] != "schemaless_dictionary":
                assert_is_schema(part, "{}.{}".format(path, key))


def without_declarations(action):
    """The reference does not tell what is declared of an action; ours does so within the schema of the request."""
    schema = action["request_schema"]
    if schema is not None and schema.pop("action", None) is not None and schema == {"type": "anything"}:
        action["request_schema"] = None
    return action


def single(name):
    body = call("introspect", {"action_name": name})
    assert body["action_names"] == [name] and list(body["actions"]) == [name], body
    assert "documentation" not in body, body
    return without_declarations(body["actions"][name])


def variants_left_out(names):
    """A switched action is listed by its variants."""
    return sorted({re.sub(r"\[.*\]$", "", name) for name in names})


@check
def status_tells_versions_and_health():
    body = call("status")
    assert body["version"] == "1.2.3" and "build" not in body, body
    assert body["healthcheck"] == {"errors": [], "warnings": [], "diagnostics": {}}, body
    for name in ("pysoa", "python", "conformity"):
        assert body[name] and isinstance(body[name], str), body
    errors = BaseStatusAction.response_schema.errors(body)
    assert not errors, errors


@check
def status_is_brief_when_asked_to_be():
    brief_body = call("status", {"verbose": False})
    assert sorted(brief_body) == ["conformity", "pysoa", "python", "version"], brief_body
    assert sorted(call("status", {"verbose": True})) == ["conformity", "healthcheck", "pysoa", "python", "version"]


@check
def status_refuses_what_it_does_not_know():
    (error,) = fails("status", {"verbos": False})
    assert brief(error) == ("UNKNOWN", "Extra keys present: verbos", None) and error.is_caller_error, error


@check
def introspect_lists_every_action():
    body = call("introspect")
    assert body["documentation"] == "Shows every feature of the framework in its smallest form.", body["documentation"]
    assert body["action_names"] == sorted(body["actions"]), body["action_names"]
    assert variants_left_out(body["actions"]) == ACTIONS, body["action_names"]
    for name, action in body["actions"].items():
        assert sorted(action) == ["documentation", "request_schema", "response_schema"], (name, action)
        assert action["documentation"] and isinstance(action["documentation"], str), (name, action)


@check
def introspect_satisfies_the_schema_of_the_reference():
    for request in ({}, {"action_name": "fail"}):
        errors = IntrospectionAction.response_schema.errors(call("introspect", request))
        assert not errors, errors


@check
def every_schema_has_the_form_of_conformity():
    for name, action in call("introspect")["actions"].items():
        without_declarations(action)
        for key in ("request_schema", "response_schema"):
            if action[key] is not None:
                assert_is_schema(action[key], "{}.{}".format(name, key))
                assert action[key]["type"] in ("dictionary", "schemaless_dictionary"), (name, action)


@check
def introspect_of_square_is_exact():
    def schema(name, description):
        return {
            "type": "dictionary",
            "contents": {name: dict(INTEGER, description=description)},
            "optional_keys": [],
            "allow_extra_keys": False,
        }

    told = single("square")
    # The reference does not tell the names of types.
    for side in ("request_schema", "response_schema"):
        told[side].pop("name", None)
    assert told == {
        "documentation": "Squares an integer.",
        "request_schema": schema("number", "The number to square"),
        "response_schema": schema("square", "The squared number"),
    }, told


@check
def introspect_of_validate_me_is_exact():
    schema = single("validate_me")["request_schema"]
    assert schema["type"] == "dictionary" and schema["allow_extra_keys"] is False, schema
    assert sorted(schema["optional_keys"]) == sorted(set(VALIDATE_ME) - {"id", "name"}), schema
    for name, field in VALIDATE_ME.items():
        told = dict(schema["contents"][name])
        # Conformity has no word for what each of several constants means, nor for names of types; ours is told beside.
        told.pop("value_descriptions", None)
        told.pop("name", None)
        assert told == field, (name, told)
    assert sorted(schema["contents"]) == sorted(VALIDATE_ME), schema


@check
def every_request_declares_its_fields():
    for name, fields in REQUESTS.items():
        schema = single(name)["request_schema"]
        found = " ".join(
            "{}{}:{}".format(field, "?" if field in schema["optional_keys"] else "", inner["type"])
            for field, inner in sorted(schema["contents"].items())
        )
        assert found == fields, (name, found)


@check
def what_may_be_anything_is_described_by_nil():
    for name in ANY_REQUEST + ANY_BOTH:
        action = single(name)
        assert action["request_schema"] is None, (name, action)
        assert name not in ANY_BOTH or action["response_schema"] is None, (name, action)


@check
def a_switched_action_is_introspected_by_its_variants():
    body = call("introspect", {"action_name": "switched"})
    assert body["action_names"] == ["switched[DEFAULT]", "switched[switch:5]", "switched[switch:7]"], body
    for name in body["action_names"]:
        assert body["actions"][name]["documentation"], body
        assert single(name) == body["actions"][name], name


@check
def an_action_without_variants_is_found_under_the_name_of_one():
    plain = single("square")
    assert single("square[DEFAULT]") == plain and single("square[switch:5]") == plain, plain


@check
def introspect_of_an_unknown_action_is_refused():
    (error,) = fails("introspect", {"action_name": "nope"})
    assert brief(error) == ("INVALID", "Action not defined in service", "action_name"), error
    assert error.is_caller_error, error
