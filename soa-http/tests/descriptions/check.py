"""Reads a document of OpenAPI and values for schemas in it. Prints what is wrong with the document and with each value."""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

task = json.load(sys.stdin)
document = task["document"]
mistakes = [
    f"document, {'/'.join(map(str, error.absolute_path))}: {error.message}"
    for error in OpenAPIV31SpecValidator(document).iter_errors()
]

resource = Resource(contents=document, specification=DRAFT202012)
registry = Registry().with_resource("urn:document", resource)


def schemas(value, inside):
    """All schemas, each of which has to be one by the rules of JSON Schema."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "schema" and not inside:
                yield inner
                yield from schemas(inner, True)
            else:
                yield from schemas(inner, inside)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas(inner, inside)


all_schemas = list(schemas(document.get("paths", {}), False))
all_schemas += document.get("components", {}).get("schemas", {}).values()
for schema in all_schemas:
    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        mistakes.append(f"schema {json.dumps(schema)[:200]}: {error.message}")

values = []
for place, value in task["claims"]:
    schema = {"$ref": "urn:document#" + place.replace("{", "%7B").replace("}", "%7D")}
    validator = Draft202012Validator(
        schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    errors = validator.iter_errors(value)
    values.append([f"{place}, {error.json_path}: {error.message}"[:2000] for error in errors])

json.dump({"document": mistakes, "values": values}, sys.stdout)
