"""The OpenAPI document of ingest. Its schemas come from the Structs that decode and encode, so the two cannot differ."""

from inspect import cleandoc
from typing import Any, Final

import msgspec

from services.ingest.events.decode import MAX_BATCH_ITEMS
from services.ingest.http import route_documents
from shared.events.event_kinds import KINDS
from shared.events.plausible import EARLIEST_EVENT, MAX_AHEAD

_REF: Final = "#/components/schemas/{name}"

_DAY: Final = (
    r"(20[2-9]\d-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    r"|20([2468][048]|[3579][26])-02-29)"
)
_TIME_PATTERN: Final = rf"^{_DAY}[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{{1,9}})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?$"
_TIME: Final = {
    "type": "string",
    "pattern": _TIME_PATTERN,
    "description": f"ISO 8601, from {EARLIEST_EVENT:%Y} to {MAX_AHEAD.days} days after it is received; without an offset it is UTC. Now, if it is left out.",
}
_PATH_PATTERN: Final = r"^([/\\]|[A-Za-z]:[/\\])"
_BATCH: Final = {"type": "array", "items": {"$ref": "#/components/schemas/BatchItem"}, "maxItems": MAX_BATCH_ITEMS}
_BATCH_ITEM: Final = {
    "description": "An event with its `type`. An item that is not valid is rejected by itself, and the others are stored.",
    "type": "object",
    "required": ["type"],
    "oneOf": [{"$ref": _REF.format(name=event_type.__name__)} for event_type in KINDS],
    "discriminator": {
        "propertyName": "type",
        "mapping": {event_type.__struct_config__.tag: _REF.format(name=event_type.__name__) for event_type in KINDS},
    },
}

_ERROR: Final = {
    "description": "Every answer that is not 2xx or 3xx.",
    "type": "object",
    "required": ["error", "message", "code", "details"],
    "additionalProperties": False,
    "properties": {
        "error": {"type": "boolean", "const": True},
        "message": {"type": "string", "description": "Tells a person what to do."},
        "code": {"type": "string", "pattern": "^[A-Z_]+$"},
        "details": {"type": "object", "description": 'Names the fields: `{"field.path": "reason"}`.'},
    },
}


def components() -> dict[str, Any]:
    """components.schemas. Descriptions have no indentation, as docstrings of Python 3.13 and later."""
    types = [*KINDS, *(struct for struct in route_documents.STRUCTS.values() if struct not in KINDS)]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    for schema in (each for each in schemas.values() if "description" in each):
        schema["description"] = cleandoc(schema["description"])
    for struct, kind in KINDS.items():
        _refine(schemas[struct.__name__], kind.time_field)
        for path, most in kind.most.items():
            _limit(schemas, struct.__name__, path, most)
    _name_result_text(schemas)
    return schemas | {"Error": _ERROR, "Batch": _BATCH, "BatchItem": _BATCH_ITEM}


def _name_result_text(schemas: dict[str, Any]) -> None:
    """A result is a text or an object. Generated clients need a name for each choice."""
    choices = schemas["ToolCall"]["properties"]["result"]["anyOf"]
    [text] = [each for each in choices if "$ref" not in each]
    schemas["ResultText"] = dict(text)
    text.clear()
    text["$ref"] = _REF.format(name="ResultText")
    schemas["ToolCall"]["properties"]["result"]["description"] = (
        "What the call gave back: a text, or a text with images and other files by kind and size. Of a long text its beginning and end are stored."
    )


def _limit(schemas: dict[str, Any], holder: str, path: str, most: int) -> None:
    """Sets the largest plausible value of a count, instead of the largest that the journal can carry. `path` as in "usage.input_tokens"."""
    name, _, rest = path.partition(".")
    schema = schemas[holder]["properties"][name]
    for variant in schema.get("anyOf", [schema]):
        if rest and "$ref" in variant:
            _limit(schemas, variant["$ref"].rpartition("/")[2], rest, most)
        elif variant.get("type") == "integer":
            variant["maximum"] = most


def _refine(schema: dict[str, Any], time_field: str) -> None:
    """Adds what the Structs leave to code: times, paths, numbers; and `type`, which only an item of a batch must have."""
    properties = schema["properties"]
    schema["required"] = [name for name in schema["required"] if name != "type"]
    schema["additionalProperties"] = True
    properties[time_field] = {"anyOf": [_TIME, {"type": "null"}], "default": None}
    if "project_path" in properties:
        properties["project_path"]["pattern"] = _PATH_PATTERN
    if "content" in properties:
        properties["content"] |= {"minLength": 1, "pattern": r"\S"}
    if "parameters" in properties:
        properties["parameters"]["additionalProperties"] = True
