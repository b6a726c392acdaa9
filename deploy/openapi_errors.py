"""Which error codes each operation can answer, with an example of each, from the tables of docs/reference/errors.md."""

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

PAGE: Final = Path(__file__).parents[1] / "docs/reference/errors.md"
OF_RESPONSES: Final = "| code | status | meaning | what to do |"
OF_IMPORT_JOBS: Final = "| code | meaning | what to do |"

# A 404 names what the path, or the body of a write, refers to.
_NOT_FOUND_BY_PATH: Final = (
    ("/api/projects/{", "PROJECT_NOT_FOUND"),
    ("/api/import/jobs/{", "JOB_NOT_FOUND"),
    ("/api/scrubs/{", "SCRUB_NOT_FOUND"),
    ("/api/erasures/{", "ERASURE_NOT_FOUND"),
    ("/api/erasures", "NOT_FOUND"),
    ("/api/tombstones", "NOT_FOUND"),
    ("/api/dead-letters/{", "DEAD_LETTER_NOT_FOUND"),
    ("/api/keys/{", "KEY_NOT_FOUND"),
    ("/api/views/{", "VIEW_NOT_FOUND"),
    ("/api/users/{", "USER_NOT_FOUND"),
    ("/api/project-rules/{", "RULE_NOT_FOUND"),
    ("/api/project-rules", "PROJECT_NOT_FOUND"),
    ("/api/tool-calls/{", "TOOL_CALL_NOT_FOUND"),
    ("/api/", "SESSION_NOT_FOUND"),
)
_RANGES: Final = "/api/transcripts/{session_id}"
_RESULT: Final = "/api/tool-calls/{call_id}/result"
# Where it is known at once that something was erased.
_REFUSES_ERASED: Final = (_RANGES, "/api/hooks", "/api/sessions/start", "/api/machines/{machine_id}")
_ONLY_FOR: Final = {
    "ERASED": _REFUSES_ERASED,
    "INVALID_FILE": "/api/import/claude-data",
    "UNKNOWN_PROJECT_FILE": "/api/import/claude-data",
    "UPLOADS_UNAVAILABLE": "/api/import/claude-data",
    "RESULT_NOT_STORED": _RESULT,
    "TRANSCRIPT_GONE": ("/api/sessions/{session_id}/transcript", _RESULT),
    "ARCHIVE_UNAVAILABLE": ("/api/sessions/{session_id}/transcript", _RESULT),
    "KEYS_WOULD_SEE_MORE": ("/api/projects/{project_id}", "/api/projects/{project_id}/undo"),
    "OFFSET_MISMATCH": _RANGES,
    "GENERATION_SUPERSEDED": _RANGES,
    "JOURNAL_BEHIND": "/readyz",
    "NOT_ENOUGH_QUOTA": "/api/quota",
    "PIPELINE_STUCK": "/readyz",
}
_DETAILS: Final[dict[str, Json]] = {
    "SESSION_NOT_FOUND": {"session_id": "not known"},
    "OFFSET_MISMATCH": {"offset": 1834, "generation": 0},
    "GENERATION_SUPERSEDED": {"generation": 2},
    "NOT_ENOUGH_QUOTA": {"five_hour": "4 % left"},
    "VALIDATION_ERROR": {"limit": "Input should be less than or equal to 1000"},
}
_HEADERS: Final = {"FORBIDDEN": "WWW-Authenticate", "401": "WWW-Authenticate", "405": "Allow", "429": "Retry-After", "503": "Retry-After"}
# Errors of every request, before its operation is looked at.
_EVERYWHERE: Final = (403, 405, 421, 500, 503)


class ErrorCode(NamedTuple):
    """A row of the table of responses."""

    code: str
    status: str
    meaning: str
    remedy: str


def rows_below(head: str) -> list[list[str]]:
    """The cells of the rows of the page's table with this head; codes without backticks. ValueError if there is no such table."""
    _, found, rest = PAGE.read_text(encoding="utf-8").partition(f"{head}\n")
    if not found:
        raise ValueError(f"{PAGE} has no table {head}")
    rows = rest.partition("\n\n")[0].splitlines()[1:]
    return [[code.strip("`"), *cells] for code, *cells in (row.strip("| ").split(" | ") for row in rows)]


@cache
def _responses() -> list[ErrorCode]:
    return [ErrorCode(*row) for row in rows_below(OF_RESPONSES)]


def document_errors(method: str, path: str, operation: Json) -> None:
    """Gives the operation every status that it can answer, and every error response an example of each of its codes."""
    responses = operation["responses"]
    if method == "get" and "{" not in path:
        responses.pop("404", None)
    if path in _REFUSES_ERASED and method in ("post", "put"):
        responses.setdefault("410", {})
    for status in _EVERYWHERE:
        responses.setdefault(str(status), {})
    for status in responses:
        if status >= "400":
            codes = [each for each in _responses() if each.status == status and _can_occur(each.code, method, path, operation)]
            responses[status] = _error_response(status, codes)
    operation["responses"] = dict(sorted(responses.items()))


def _can_occur(code: str, method: str, path: str, operation: Json) -> bool:
    if code in _ONLY_FOR:
        paths = _ONLY_FOR[code]
        return path in ((paths,) if isinstance(paths, str) else paths)
    match code:
        case "INVALID_JSON":
            return any("json" in media_type for media_type in operation.get("requestBody", {}).get("content", {}))
        case "INVALID_CURSOR":
            return any(parameter["name"] == "cursor" for parameter in operation.get("parameters", []))
        case "FORBIDDEN":
            return bool(operation["security"])
        case "QUEUE_UNAVAILABLE":
            return method != "get" or path in {"/readyz", "/api/accounting"}
        case "BACKLOG_FULL":
            return method in ("post", "put")
        case "TRANSCRIPT_NOT_FOUND":
            return "/transcript" in path
        case "CONFLICT":
            return path != _RANGES
        case _ if code.endswith("NOT_FOUND"):
            return code == next((known for prefix, known in _NOT_FOUND_BY_PATH if path.startswith(prefix)), None)
        case _:
            return True


def _error_response(status: str, codes: list[ErrorCode]) -> Json:
    examples = {each.code: {"summary": each.meaning, "value": _example(each)} for each in codes}
    description = " ".join(f"`{each.code}`: {each.meaning}" for each in codes)
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples}
    headers = {_HEADERS[each]: {"schema": {"type": "string"}} for each in (status, *examples) if each in _HEADERS}
    return {"description": description, "content": {"application/json": content}} | ({"headers": headers} if headers else {})


def _example(code: ErrorCode) -> Json:
    details = _DETAILS.get(code.code, {})
    message = code.meaning if code.code != "VALIDATION_ERROR" else "; ".join(f"{field}: {reason}" for field, reason in details.items())
    return {"error": True, "message": message, "code": code.code, "details": details}
