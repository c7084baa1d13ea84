"""CloudFormation's schemas of resource types: which properties and attributes a type has.

cfn-lint ships them as AWS publishes them, with its own additions. Only what AWS itself checks with
them is read: names, required properties, and types. Enumerations, patterns and lengths are left to
the services.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]

# Fn::GetAtt returns every property of these (cfn-lint, schema/_getatts.py, measured by its authors)
_EVERY_PROPERTY = {
    "AWS::Events::EventBus",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
}
_JAVA_NAMES = {
    "string": "String", "integer": "Integer", "number": "Number", "boolean": "Boolean",
    "array": "JSONArray", "object": "JSONObject",
}  # fmt: skip
_FOUND: tuple[tuple[type, str], ...] = (
    (bool, "Boolean"), (int, "Integer"), (float, "BigDecimal"), (str, "String"),
    (list, "JSONArray"), (dict, "JSONObject"),
)  # fmt: skip


def failure(logical_id: str, resource_type: str, properties: Any, *, nested: bool) -> str | None:
    """Return why CloudFormation refuses a resource's properties, or None; see `problems`."""
    found = ", ".join(problems(resource_type, properties, nested=nested))
    if not found:
        return None
    return f"Properties validation failed for resource {logical_id} with message:\n[{found}]"


def problems(resource_type: str, properties: Any, *, nested: bool) -> list[str]:
    """Return all that is wrong with a resource's properties.

    Their functions are evaluated, or left as they are. With nested=False only the names and types
    of the first level count. Nothing is known of a type without a schema.
    """
    schema = _schema(resource_type)
    if schema is None:
        return []
    found = list(_problems(schema, properties, "#", schema))
    read_only = {name for name in _attribute_paths(schema) if "." not in name}
    found += [_extraneous("#", n) for n in properties if n in read_only - set(_writable(schema))]
    return [each for each in found if nested or _is_outer(each)]


def has_attribute(resource_type: str, attribute: str) -> bool:
    """Return whether Fn::GetAtt knows an attribute; of a type without a schema it knows all."""
    schema = _schema(resource_type)
    if schema is None:
        return True
    if resource_type in _EVERY_PROPERTY and attribute in schema["properties"]:
        return True
    return any(
        attribute == path or attribute.startswith(f"{path}.") for path in _attribute_paths(schema)
    )


def _attribute_paths(schema: Schema) -> list[str]:
    start = "/properties/"
    return [path[len(start) :].replace("/", ".") for path in schema.get("readOnlyProperties", [])]


def _writable(schema: Schema) -> list[str]:
    """Return what may be given although it is read: the schemas list a few properties twice."""
    required = schema.get("required", [])
    return [*required, *(path.split("/")[2] for path in schema.get("createOnlyProperties", []))]


@cache
def _schema(resource_type: str) -> Schema | None:
    place = _places().get(resource_type)
    if place is None:
        return None
    schema: Schema = json.loads((_folder() / "resources" / f"{place}.json").read_text("utf-8"))
    return schema


@cache
def _places() -> Mapping[str, str]:
    places: Mapping[str, str] = json.loads(
        (_folder() / "providers" / "us-east-1.json").read_text("utf-8")
    )
    return places


@cache
def _folder() -> Path:
    found = importlib.util.find_spec("cfnlint")  # importing it would take a second
    if found is None or found.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed: it has the resource types' schemas")
    return Path(found.origin).parent / "data" / "schemas"


def _problems(schema: Schema, value: Any, path: str, root: Schema) -> Iterator[str]:
    schema = _resolved(schema, root)
    if value is None or _is_function(value):
        return
    if (expected := schema.get("type")) and not _fits(expected, value):
        names = [expected] if isinstance(expected, str) else expected
        yield f"{path}: expected type: {_JAVA_NAMES[names[0]]}, found: {_found(value)}"
        return
    if isinstance(value, dict):
        yield from _object_problems(schema, value, path, root)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for number, item in enumerate(value):
            yield from _problems(schema["items"], item, f"{path}/{number}", root)
    for keyword in ("oneOf", "anyOf"):
        choices = schema.get(keyword, [])
        if choices and all(any(_problems(c, value, path, root)) for c in choices):
            yield f"{path}: #: no subschema matched out of the total {len(choices)} subschemas"
    for part in schema.get("allOf", []):
        yield from _problems(part, value, path, root)


def _object_problems(
    schema: Schema, value: dict[str, Any], path: str, root: Schema
) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if value.get(name) is None:
            yield f"{path}: required key [{name}] not found"
    closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
    for name, member in value.items():
        if name in known:
            yield from _problems(known[name], member, f"{path}/{name}", root)
        elif closed and member is not None:
            yield _extraneous(path, name)


def _is_outer(problem: str) -> bool:
    """Return whether a problem is one of a property's name, presence or own type."""
    path = problem.partition(": ")[0]
    return path == "#" or (path.count("/") == 1 and "expected type" in problem)


def _extraneous(path: str, name: str) -> str:
    return f"{path}: extraneous key [{name}] is not permitted"


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _is_function(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (key,) = value
    return key == "Ref" or str(key).startswith("Fn::")


def _fits(expected: str | list[str], value: Any) -> bool:
    """Return whether a value has a type, or can be turned into it as CloudFormation does."""
    return any(
        _fits_one(each, value) for each in ([expected] if isinstance(expected, str) else expected)
    )


def _fits_one(expected: str, value: Any) -> bool:
    if expected == "array":
        return isinstance(value, list)
    if expected == "object":
        return isinstance(value, dict)
    if isinstance(value, list | dict):
        return False
    if expected == "boolean":
        return isinstance(value, bool) or str(value).lower() in {"true", "false"}
    if expected in {"integer", "number"}:
        return not isinstance(value, bool) and _is_number(value, whole=expected == "integer")
    return True


def _is_number(value: Any, *, whole: bool) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return number.is_integer() or not whole


def _found(value: Any) -> str:
    return next(name for kind, name in _FOUND if isinstance(value, kind))
