"""The OpenAPI document of ingest. Its schemas come from the Structs that decode and encode, so the two cannot differ."""

from inspect import cleandoc
from typing import Any, Final

import msgspec
from msgspec import Struct

from services.ingest.admin.dead_letters import DeadLetterFilter
from services.ingest.admin.erasures import ErasureRequest, LiftRequest
from services.ingest.admin.keys import NewKey
from services.ingest.admin.machines import MachineReport, MachineRepositories
from services.ingest.admin.projects import PathRule, ProjectChange, ProjectUndo
from services.ingest.admin.retention import AllowedSession, RetentionRequest, RetentionRule
from services.ingest.admin.saved_views import View
from services.ingest.admin.scrubs import ScrubRequest
from services.ingest.admin.session_marks import SessionMarksChange
from services.ingest.admin.users import UserChange
from services.ingest.events.decode import MAX_BATCH_ITEMS
from services.ingest.http import responses
from services.ingest.imports.start_export import ExportRequest
from services.ingest.imports.start_reparse import ReparseRequest
from services.ingest.imports.upload_manifest import Manifest
from shared.events.event_kinds import KINDS
from shared.events.messages import MACHINE_ID, NO_CONTROL_CHARACTERS
from shared.events.plausible import EARLIEST_EVENT, MAX_AHEAD

ANSWER_TYPES: Final = (
    responses.SessionStarted,
    responses.SessionEnded,
    responses.EventAccepted,
    responses.BatchAccepted,
    responses.RangeAccepted,
    responses.ImportAnswer,
    responses.JobChanged,
    responses.ManifestAnswer,
    responses.KeyCreated,
    responses.KeyRevoked,
    responses.LoggedIn,
    responses.LoggedOut,
    responses.ScrubStarted,
    responses.TextsLetIn,
    responses.ErasureStarted,
    responses.TombstonesLifted,
    responses.UserRenamed,
    responses.ProjectChanged,
    responses.PathRuleAdded,
    responses.PathRuleDeleted,
    responses.SessionMarks,
    responses.MachineReported,
    responses.MachineForgotten,
    responses.RepositoriesReported,
    responses.ExportStarted,
    responses.ExportDeleted,
    responses.ViewSaved,
    responses.ViewDeleted,
    responses.RetentionRuleSet,
    responses.RetentionRuleUnset,
    responses.RetentionStarted,
    responses.SessionAllowed,
    responses.DeadLetterReplayed,
    responses.DeadLetterDeleted,
    responses.DeadLettersChanged,
)
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

_WRITE_ERRORS: Final = (400, 408, 409, 413, 415)


_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`wait=N` answers when the event is stored, after N seconds at most (up to 30). `respond-async` does not wait.",
}


def components() -> dict[str, Any]:
    """components.schemas. Descriptions have no indentation, as docstrings of Python 3.13 and later."""
    types = [
        *KINDS,
        ErasureRequest,
        LiftRequest,
        Manifest,
        NewKey,
        ExportRequest,
        ReparseRequest,
        ScrubRequest,
        UserChange,
        SessionMarksChange,
        ProjectChange,
        ProjectUndo,
        PathRule,
        View,
        RetentionRule,
        RetentionRequest,
        AllowedSession,
        DeadLetterFilter,
        MachineReport,
        MachineRepositories,
        *ANSWER_TYPES,
    ]
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


def single_write(event_type: type[Struct], answer: type[Struct], status: int, *, can_miss: bool = True) -> dict[str, Any]:
    """The documentation of a route that takes one event. Pass it to the route's decorator."""
    codes = sorted((*_WRITE_ERRORS, 404)) if can_miss else _WRITE_ERRORS
    body = {"content": {"application/json": {"schema": _ref(event_type)}}, "required": True}
    return _documented(body, {status: _write_answer(answer)}, codes)


def batch_write(answer: type[Struct]) -> dict[str, Any]:
    """The documentation of the route that takes many events."""
    lines = {"type": "string", "description": "NDJSON: one `BatchItem` a line."}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}, "application/x-ndjson": {"schema": lines}}
    return _documented({"content": content, "required": True}, {200: _write_answer(answer)}, _WRITE_ERRORS)


def import_write(answer: type[Struct]) -> dict[str, Any]:
    """The documentation of the import."""
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    schema = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "array", "items": file, "minItems": 1, "maxItems": 100},
            "user": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Whose files they are."},
        },
    }
    location = {"Location": {"schema": {"type": "string"}, "description": "The job's address."}}
    done, under_way = _write_answer(answer), _answer(answer, "Under way.") | {"headers": location | _REPLAYED}
    return _documented(
        {"content": {"multipart/form-data": {"schema": schema}}, "required": True}, {200: done, 202: under_way}, _WRITE_ERRORS
    )


def job_action(answer: type[Struct]) -> dict[str, Any]:
    """The documentation of a route that changes an import job."""
    job_id = _path_id("job_id", "The import job's id.")
    location = {"Location": {"schema": {"type": "string"}, "description": "The job's address."}}
    return {
        "openapi_extra": {"parameters": [job_id]},
        "responses": {202: _answer(answer) | {"headers": location}} | _errors(400, 404, 409),
    }


def dead_letter_action(answer: type[Struct], status: int) -> dict[str, Any]:
    """The documentation of a route that changes one dead letter."""
    letter_id = _path_id("letter_id", "The dead letter's id.")
    return {
        "openapi_extra": {"parameters": [letter_id, *([_PREFER] if status == 202 else [])]},
        "responses": {status: _answer(answer)} | _errors(400, 404),
    }


def dead_letter_group_action(answer: type[Struct], status: int) -> dict[str, Any]:
    """The documentation of a route that changes a group of dead letters."""
    return json_action(DeadLetterFilter, answer, status)


def json_action(body: type[Struct], answer: type[Struct], status: int) -> dict[str, Any]:
    """The documentation of a route that takes JSON and writes nothing to the journal."""
    content = {"application/json": {"schema": _ref(body)}}
    return {
        "openapi_extra": {"requestBody": {"content": content, "required": True}},
        "responses": {status: _answer(answer)} | _errors(400, 408, 413, 415),
    }


def key_action(answer: type[Struct]) -> dict[str, Any]:
    """The documentation of a route that changes an API key."""
    key_id = _path_parameter("key_id", {"type": "string"}, "The id of the key, as GET /api/keys shows it.")
    return {
        "openapi_extra": {"parameters": [key_id]},
        "responses": {200: _answer(answer)} | _errors(400, 404),
    }


def login_action(answer: type[Struct]) -> dict[str, Any]:
    """The documentation of a route that sets or clears the cookie of a login."""
    cookie = {"Set-Cookie": {"description": "`tracker_login`, for the browser alone.", "schema": {"type": "string"}}}
    return {"responses": {200: _answer(answer) | {"headers": cookie}} | _errors(400)}


def user_action(body: type[Struct], answer: type[Struct]) -> dict[str, Any]:
    """The documentation of the route that renames a user."""
    name = _path_parameter("name", {"type": "string", "minLength": 1, "maxLength": 200}, "The user's present name.")
    content = {"application/json": {"schema": _ref(body)}}
    codes = (400, 404, 408, 409, 413, 415)
    return {
        "openapi_extra": {"parameters": [name], "requestBody": {"content": content, "required": True}},
        "responses": {200: _answer(answer), 202: _answer(answer, "Rows are being moved.")} | _errors(*codes),
    }


def project_action(body: type[Struct], answer: type[Struct]) -> dict[str, Any]:
    """The documentation of a route that changes a project."""
    project_id = _path_parameter("project_id", {"type": "integer", "minimum": 1, "maximum": 2**53}, "The project's id.")
    content = {"application/json": {"schema": _ref(body)}}
    codes = (400, 404, 408, 409, 413, 415)
    return {
        "openapi_extra": {"parameters": [project_id], "requestBody": {"content": content, "required": True}},
        "responses": {200: _answer(answer), 202: _answer(answer, "Sessions are being moved.")} | _errors(*codes),
    }


def path_rule_action(answer: type[Struct], body: type[Struct] | None = None) -> dict[str, Any]:
    """The documentation of the route that adds a rule about paths (201), or without a body deletes one."""
    if body is not None:
        adds = json_action(body, answer, 201)
        return adds | {"responses": adds["responses"] | {200: _answer(answer, "There is such a rule already.")} | _errors(404, 409)}
    rule_id = _path_parameter("rule_id", {"type": "integer", "minimum": 1, "maximum": 2**53}, "The rule's id.")
    return {"openapi_extra": {"parameters": [rule_id]}, "responses": {200: _answer(answer)} | _errors(400, 404)}


def session_action(body: type[Struct], answer: type[Struct]) -> dict[str, Any]:
    """The documentation of the route that marks a session."""
    schema = {"type": "string", "minLength": 1, "maxLength": 200} | NO_CONTROL_CHARACTERS
    session_id = _path_parameter("session_id", schema, "The session's id.")
    content = {"application/json": {"schema": _ref(body)}}
    codes = (400, 404, 408, 413, 415)
    return {
        "openapi_extra": {"parameters": [session_id], "requestBody": {"content": content, "required": True}},
        "responses": {200: _answer(answer)} | _errors(*codes),
    }


def machine_action(answer: type[Struct], body: type[Struct] | None = None) -> dict[str, Any]:
    """The documentation of a route that takes a machine's report, or without a body forgets the machine."""
    machine_id = _path_parameter("machine_id", {"type": "string", "pattern": f"^{MACHINE_ID}$"}, "The id that the machine's shipper made.")
    extra: dict[str, Any] = {"parameters": [machine_id]}
    codes: tuple[int, ...] = (400, 404)
    if body is not None:
        extra["requestBody"] = {"content": {"application/json": {"schema": _ref(body)}}, "required": True}
        codes = (400, 408, 413, 415)
    return {"openapi_extra": extra, "responses": {200: _answer(answer)} | _errors(*codes)}


def view_action(answer: type[Struct], body: type[Struct] | None = None, status: int = 200) -> dict[str, Any]:
    """The documentation of a route that saves a view (201), changes it, or without a body deletes it."""
    if body is not None and status == 201:
        saves = json_action(body, answer, status)
        return saves | {"responses": saves["responses"] | _errors(409)}
    extra: dict[str, Any] = {"parameters": [_path_id("view_id", "The view's id, as GET /api/views shows it.")]}
    codes: tuple[int, ...] = (400, 404)
    if body is not None:
        extra["requestBody"] = {"content": {"application/json": {"schema": _ref(body)}}, "required": True}
        codes = (400, 404, 408, 409, 413, 415)
    return {"openapi_extra": extra, "responses": {200: _answer(answer)} | _errors(*codes)}


def rule_action(answer: type[Struct], body: type[Struct] | None = None) -> dict[str, Any]:
    """The documentation of a route that sets a rule of retention, or without a body takes it back."""
    if body is not None:
        sets = json_action(body, answer, 200)
        return sets | {"responses": sets["responses"] | _errors(404)}
    rule_id = _path_id("rule_id", "The rule's id, as GET /api/retention shows it.")
    return {"openapi_extra": {"parameters": [rule_id]}, "responses": {200: _answer(answer)} | _errors(400, 404)}


def export_action(answer: type[Struct], body: type[Struct] | None = None) -> dict[str, Any]:
    """The documentation of a route that starts an export, or without a body deletes one."""
    if body is None:
        export_id = _path_id("export_id", "The export's id, as GET /api/exports shows it.")
        return {"openapi_extra": {"parameters": [export_id]}, "responses": {200: _answer(answer)} | _errors(400, 404)}
    starts = json_action(body, answer, 202)
    starts["responses"][202]["headers"] = {"Location": {"schema": {"type": "string"}, "description": "The export's address."}}
    return starts | {"responses": starts["responses"] | _errors(404)}


def started(body: type[Struct], answer: type[Struct], what: str, *more: int) -> dict[str, Any]:
    """The documentation of the start of long work: a scrub, an erasure, a run of retention, a reparse. `more`: errors beside those of every write."""
    location = {"Location": {"schema": {"type": "string"}, "description": f"The {what}'s address."}}
    content = {"content": {"application/json": {"schema": _ref(body)}}, "required": True}
    return _documented(content, {202: _answer(answer) | {"headers": location | _REPLAYED}}, [*_WRITE_ERRORS, *more])


def scrub_action(answer: type[Struct]) -> dict[str, Any]:
    """The documentation of a route that changes what a scrub keeps out."""
    scrub_id = _path_id("scrub_id", "The scrub's id.")
    return {"openapi_extra": {"parameters": [scrub_id]}, "responses": {200: _answer(answer)} | _errors(400, 404, 409)}


def lift(body: type[Struct], answer: type[Struct]) -> dict[str, Any]:
    """The documentation of the route that lifts tombstones."""
    action = json_action(body, answer, 200)
    return action | {"responses": action["responses"] | _errors(404)}


def reads(description: str) -> dict[str, Any]:
    """The documentation of a route without a body."""
    return {"responses": {200: {"description": description}} | _errors(400)}


def _documented(body: dict[str, Any], successes: dict[int, Any], codes: tuple[int, ...] | list[int]) -> dict[str, Any]:
    headers = [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            "description": "The same key with the same body is one write within 24 hours. With another body it is a 409.",
        },
        _PREFER,
    ]
    return {
        "openapi_extra": {"requestBody": body, "parameters": headers},
        "responses": successes | _errors(*codes),
    }


def _path_id(name: str, description: str) -> dict[str, Any]:
    return _path_parameter(name, {"type": "string", "format": "uuid"}, description)


def _path_parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def _ref(struct: type[Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{struct.__name__}"}


_REPLAYED: Final = {
    "Idempotent-Replayed": {
        "schema": {"const": "true"},
        "description": "The Idempotency-Key came with the same body before. The event is one row. If the first request failed, this one has stored it.",
    }
}


def _write_answer(struct: type[Struct]) -> dict[str, Any]:
    return _answer(struct) | {"headers": _REPLAYED}


def _answer(struct: type[Struct], description: str | None = None) -> dict[str, Any]:
    return {"description": description or (struct.__doc__ or "").splitlines()[0], "content": {"application/json": {"schema": _ref(struct)}}}


def _errors(*codes: int) -> dict[int, dict[str, Any]]:
    """deploy/openapi_errors.py says what each is, and adds those of every request."""
    return {code: {} for code in codes}
