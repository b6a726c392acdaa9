"""The OpenAPI document of ingest's routes: parameters, bodies, answers and errors. Each function is passed to a route's decorator.

The schemas that it refers to are in openapi_schemas.py.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from shared.events.messages import MACHINE_ID, NO_CONTROL_CHARACTERS

# Bodies and answers of the routes, by the name of their schema.
STRUCTS: Final[dict[str, type[Struct]]] = {}
_WRITE_ERRORS: Final = (400, 408, 409, 413, 415)

_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`wait=N` answers when the event is stored, after N seconds at most (up to 30). `respond-async` does not wait.",
}

_REPLAYED: Final = {
    "Idempotent-Replayed": {
        "schema": {"const": "true"},
        "description": "The Idempotency-Key came with the same body before. The event is one row. If the first request failed, this one has stored it.",
    }
}

_UUID: Final = {"type": "string", "format": "uuid"}
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 2**53}
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 200}
# {parameter of a path: its schema, and what it is}
_PATH: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "job_id": (_UUID, "The import job's id."),
    "letter_id": (_UUID, "The dead letter's id."),
    "key_id": ({"type": "string"}, "The id of the key, as GET /api/keys shows it."),
    "name": (_NAME, "The user's present name."),
    "project_id": (_NUMBER, "The project's id."),
    "session_id": (_NAME | NO_CONTROL_CHARACTERS, "The session's id."),
    "machine_id": ({"type": "string", "pattern": f"^{MACHINE_ID}$"}, "The id that the machine's shipper made."),
    "view_id": (_UUID, "The view's id, as GET /api/views shows it."),
    "export_id": (_UUID, "The export's id, as GET /api/exports shows it."),
    "scrub_id": (_UUID, "The scrub's id."),
    "rule_id": (_UUID, "The rule's id, as GET /api/retention shows it."),
    "price_id": (_UUID, "The price's id, as GET /api/prices shows it."),
    "path_rule_id": (_NUMBER, "The rule's id."),
}


def single_write(event_type: type[Struct], answer: type[Struct], status: int, *, can_miss: bool = True) -> dict[str, Any]:
    """A route that takes one event."""
    codes = sorted((*_WRITE_ERRORS, 404)) if can_miss else _WRITE_ERRORS
    body = {"content": {"application/json": {"schema": _ref(event_type)}}, "required": True}
    return _documented(body, {status: _write_answer(answer)}, codes)


def batch_write(answer: type[Struct]) -> dict[str, Any]:
    """The route that takes many events."""
    lines = {"type": "string", "description": "NDJSON: one `BatchItem` a line."}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}, "application/x-ndjson": {"schema": lines}}
    return _documented({"content": content, "required": True}, {200: _write_answer(answer)}, _WRITE_ERRORS)


def import_write(answer: type[Struct]) -> dict[str, Any]:
    """The import."""
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    schema = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "array", "items": file, "minItems": 1, "maxItems": 100},
            "user": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Whose files they are."},
        },
    }
    done, under_way = _write_answer(answer), answer_of(answer, "Under way.") | {"headers": _location("job") | _REPLAYED}
    return _documented(
        {"content": {"multipart/form-data": {"schema": schema}}, "required": True}, {200: done, 202: under_way}, _WRITE_ERRORS
    )


def started(body: type[Struct], answer: type[Struct], what: str, *more: int) -> dict[str, Any]:
    """The start of long work: a scrub, an erasure, a run of retention, a reparse. `more`: errors beside those of every write."""
    content = {"content": {"application/json": {"schema": _ref(body)}}, "required": True}
    return _documented(content, {202: answer_of(answer) | {"headers": _location(what) | _REPLAYED}}, [*_WRITE_ERRORS, *more])


def action(
    answer: type[Struct],
    body: type[Struct] | None = None,
    *errors: int,
    of: str = "",
    status: int = 200,
    or_else: Mapping[int, str] = MappingProxyType({}),
    located: str = "",
    can_wait: bool = False,
) -> dict[str, Any]:
    """A route that changes one thing, and writes nothing to the journal.

    `errors`: beside those of every request with such a body. `of`: the path's parameter, a name of _PATH. `or_else`: the same answer with other codes,
    and what each means. `located`: "job" if Location has its address. `can_wait`: it takes Prefer.
    """
    extra: dict[str, Any] = {}
    parameters = ([_path_parameter(of)] if of else []) + ([_PREFER] if can_wait else [])
    if parameters:
        extra["parameters"] = parameters
    if body is not None:
        extra["requestBody"] = {"content": {"application/json": {"schema": _ref(body)}}, "required": True}
    success = answer_of(answer) | ({"headers": _location(located)} if located else {})
    successes = {status: success} | {code: answer_of(answer, meaning) for code, meaning in or_else.items()}
    codes = (400,) if body is None else (400, 408, 413, 415)
    return {"openapi_extra": extra, "responses": successes | errors_of(*sorted({*codes, *errors}))}


def login(answer: type[Struct]) -> dict[str, Any]:
    """A route that sets or clears the cookie of a login."""
    cookie = {"Set-Cookie": {"description": "`tracker_login`, for the browser alone.", "schema": {"type": "string"}}}
    return {"responses": {200: answer_of(answer) | {"headers": cookie}} | errors_of(400)}


def reads(description: str) -> dict[str, Any]:
    """A route without a body."""
    return {"responses": {200: {"description": description}} | errors_of(400)}


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
        "responses": successes | errors_of(*codes),
    }


def _path_parameter(name: str) -> dict[str, Any]:
    schema, description = _PATH[name]
    return {"name": name.removeprefix("path_"), "in": "path", "required": True, "schema": schema, "description": description}


def _location(what: str) -> dict[str, Any]:
    return {"Location": {"schema": {"type": "string"}, "description": f"The {what}'s address."}}


def _ref(struct: type[Struct]) -> dict[str, str]:
    STRUCTS[struct.__name__] = struct
    return {"$ref": f"#/components/schemas/{struct.__name__}"}


def _write_answer(struct: type[Struct]) -> dict[str, Any]:
    return answer_of(struct) | {"headers": _REPLAYED}


def answer_of(struct: type[Struct], description: str | None = None) -> dict[str, Any]:
    """An answer with this body; described by the Struct's docstring."""
    return {"description": description or (struct.__doc__ or "").splitlines()[0], "content": {"application/json": {"schema": _ref(struct)}}}


def errors_of(*codes: int) -> dict[int, dict[str, Any]]:
    """The failures of a route: deploy/openapi_errors.py says what each is, and adds those of every request."""
    return {code: {} for code in codes}
