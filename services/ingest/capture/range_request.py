"""The query of a PUT of a transcript's range: which file, from where to where."""

from typing import Final

from fastapi import Request
from msgspec import Struct

from services.ingest.capture.capture_request import identifier, machine_of, query_of, user_of
from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.key_binding import binding_of
from services.ingest.http import request_checks
from shared.events.messages import UNNAMED_MACHINE
from shared.http.errors import BadRequest, invalid
from shared.redaction.file_names import redacted_file_name

MAX_RANGE_BYTES: Final = 1024**2
# A line cannot be divided, and one with an image may be long.
MAX_LINE_BYTES: Final = 16 * 1024**2
MAX_FILE_NAME: Final = 300
_PARAMETERS: Final = ("file", "offset", "end", "generation", "user")
# The largest number that Redis' Lua counts exactly.
_MOST: Final = 2**53 - 1
# A line of the file may be longer than what is sent of it: the sender leaves out what is too long, and folders that are not to be sent.
MAX_FILE_LINE_BYTES: Final = 1024**3


class Range(Struct, frozen=True):
    """A range as its sender describes it. Offsets are in bytes of the file on the sender's machine. `end` None: start + the body's length."""

    session_id: str
    machine_id: str
    file_name: str
    generation: int
    start: int
    end: int | None
    user: str | None
    # The user that the API key is bound to; None: it may write any file.
    bound_user: str | None = None


def read_range(request: Request) -> Range:
    """The range that the path, the query and the headers describe. BadRequest for what is not valid, Forbidden for a key bound to projects."""
    query = query_of(request, _PARAMETERS)
    session_id = identifier(request.path_params["session_id"], "session_id")
    assert session_id is not None
    file_name = _file_name(query.get("file"))
    if ingest_of(request).settings.redact:
        file_name = redacted_file_name(file_name)
    start, end = _number(query, "offset"), _number(query, "end") if "end" in query else None
    if end is not None and end < start:
        raise invalid("end", "must not be less than offset")
    return Range(
        session_id=session_id,
        machine_id=machine_of(request_checks.headers_of(request)) or UNNAMED_MACHINE,
        file_name=file_name,
        generation=_number(query, "generation") if "generation" in query else 0,
        start=start,
        end=end,
        user=user_of(request, query),
        bound_user=binding_of(request).user,
    )


def _number(query: dict[str, str], name: str) -> int:
    value = query.get(name)
    if value is None:
        raise invalid(name, "is required")
    if not (value.isascii() and value.isdigit() and len(value) <= 16 and int(value) <= _MOST):
        raise invalid(name, f"must be a whole number from 0 to {_MOST}")
    return int(value)


def _file_name(value: str | None) -> str:
    """A name that stays inside the session's folder, wherever somebody writes it later."""
    if value is None:
        raise invalid("file", "is required: SESSION.jsonl, or a path below the session's folder, as subagents/agent-1.jsonl")
    check_identifier(value, "file")
    parts = value.split("/")
    if not value.endswith(".jsonl") or len(value) > MAX_FILE_NAME or not value.isprintable():
        raise invalid("file", f"must be the name of a .jsonl file, of at most {MAX_FILE_NAME} characters")
    if "\\" in value or ":" in value or any(part in ("", ".", "..") or part != part.strip() for part in parts):
        raise invalid("file", "must be a path below the session's folder, without .. and with / between its parts")
    return value


def check_lines(body: bytes, described: Range) -> int:
    """The end of the range. BadRequest unless the body is whole lines that fit the offsets."""
    if body and not body.endswith(b"\n"):
        raise BadRequest("The body must end with a line feed: send whole lines only.", details={"body": "the last line is not complete"})
    end = described.start + len(body) if described.end is None else described.end
    if bool(body) != (end > described.start):
        raise invalid("end", "must be more than offset if, and only if, there is a body")
    if end > described.start + len(body) + body.count(b"\n") * MAX_FILE_LINE_BYTES:
        raise invalid("end", f"is too far from offset for the lines of the body; a line of the file may have {MAX_FILE_LINE_BYTES} bytes")
    if end > _MOST:
        raise invalid("offset", f"must not lead beyond {_MOST}")
    return end
