"""Examples of answers, made from their schemas: a value for each field, by what the schema allows and by the field's name."""

from typing import Any, Final

Json = dict[str, Any]

# Texts by the name of the field; others are "…".
_TEXTS: Final = {
    "account": "9f86d081884c7d65",
    "address": "/usage?range=30d&project=3",
    "agent_id": "a1b2c3d4e5f60718",
    "because": "Both are worktrees of /home/ann/claude-tracker/.git.",
    "branch": "main",
    "claude_version": "2.1.332",
    "client_version": "2.1.332",
    "code": "VALIDATION_ERROR",
    "command": "npm test",
    "commit": "1a2b3c4",
    "content": "Clean up the timer when the component unmounts",
    "created_at": "2024-01-15T10:30:00Z",
    "created_by": "laptop",
    "error_class": "test_failed",
    "explanation": "A subagent made these calls.",
    "expires_at": "2024-02-14T09:00:00Z",
    "file": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11.jsonl",
    "file_path": "/home/ann/claude-tracker/src/timer.ts",
    "flower": "/flower/",
    "former_name": "ann@laptop",
    "from_model": "claude-sonnet-4-5-20250929",
    "git_branch": "main",
    "group": "work",
    "hash": "1a2b3c4",
    "id": "3kTqW9bXz2Lm",
    "journal_entry_id": "1705312000000-0",
    "key_id": "3kTqW9bXz2Lm",
    "key_name": "laptop",
    "kind": "conversation",
    "last_event_id": "1705314598123-0",
    "last_prompt": "Run the tests again",
    "machine": "k3Zr0vVh2mXq",
    "machine_id": "k3Zr0vVh2mXq",
    "message": "It is done.",
    "model": "claude-opus-4-5-20251101",
    "models": "claude-opus-4-5-20251101",
    "name": "ann-laptop",
    "note": "The retry in upload.ts is the part to keep.",
    "now": "2024-01-15T10:30:00Z",
    "os": "Linux",
    "patch": "@@ -12,3 +12,3 @@\n useEffect(() => {\n-  start()\n+  return start()\n }, [])",
    "path": "/home/ann/claude-tracker",
    "pattern": "/home/*/work/shop",
    "parent_session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f10",
    "payload": '{"session_id":"s","content":"…","role":"user"}',
    "price_versions": "genai-prices 0.2.3",
    "project_name": "claude-tracker",
    "project_path": "/home/ann/claude-tracker",
    "prompt": "Find every timer",
    "reason": "StringDataRightTruncation: value too long for type character varying(10)",
    "repository": "github.com/ann/claude-tracker",
    "request_id": "6f1c2a90",
    "role": "user",
    "seen_before": "2024-01-15T12:00:00Z",
    "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
    "session_title": "Retry failed uploads",
    "sha256": "70eb6db7fd658030a1414b5447641670d8fbc380955a32bba7cebf732faa41be",
    "snippet": "<mark>Clean</mark> up the timer when the component unmounts",
    "source": "hook",
    "sqlstate": "22001",
    "stage": "done",
    "subject": "Retry failed uploads",
    "tag": "uploads",
    "tags": "uploads",
    "text": "Clean up the timer when the component unmounts",
    "timestamp": "2024-01-15T10:30:00Z",
    "timezone": "Europe/Berlin",
    "title": "Retry failed uploads",
    "to_model": "claude-opus-4-5-20251101",
    "tool_call_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6c",
    "tool_name": "Bash",
    "tracker_version": "0.1.0",
    "tz": "UTC",
    "url": "https://github.com/ann/claude-tracker/pull/12",
    "user": "ann",
    "users": "ann",
    "version": "2.1.332",
    "who": "ann",
}
_FORMATS: Final = {"date-time": "2024-01-15T10:30:00Z", "date": "2024-01-15", "uuid": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b"}
# Ends are after beginnings.
_LATER: Final = "2024-01-15T11:15:00Z"
# Numbers by the end of the field's name, the first that fits; others are 3.
_NUMBERS: Final = {
    "id": 1,
    "tokens": 5400,
    "bytes": 48213,
    "usd": 1.42,
    "minutes": 38.5,
    "seconds": 12.5,
    "_ms": 840,
    "percentage": 41.5,
    "share": 0.82,
    "rate": 0.03,
    "ratio": 0.93,
    "progress": 1,
}
# Where a field may be null, it is one of the usual case.
_USUALLY_NULL: Final = frozenset(
    {"next_cursor", "previous_cursor", "failure", "last_error", "incomplete_because", "part_of", "merged_into"}
)


def example_of(schemas: Json, schema: Json, name: str = "", holders: tuple[str, ...] = ()) -> Any:
    """A value that the schema allows. `holders`: the schemas around it; one that holds itself ends with null."""
    if "$ref" in schema:
        holder = schema["$ref"].rpartition("/")[2]
        return None if holder in holders else example_of(schemas, schemas[holder], name, (*holders, holder))
    if given := schema.get("examples") or schema.get("enum"):
        return given[0]
    if "const" in schema:
        return schema["const"]
    kinds = schema.get("type", [])
    variants = [each for each in schema.get("anyOf") or schema.get("oneOf") or [] if each.get("type") != "null"]
    can_be_null = len(variants) < len(schema.get("anyOf", [])) or "null" in kinds
    if can_be_null and name in _USUALLY_NULL:
        return None
    if variants:
        return example_of(schemas, variants[0], name, holders)
    kind = kinds if isinstance(kinds, str) else next((each for each in kinds if each != "null"), "object")
    match kind:
        case "object":
            return {each: example_of(schemas, of_field, each, holders) for each, of_field in schema.get("properties", {}).items()}
        case "array":
            items = schema.get("items", {})
            found = [example_of(schemas, each, name, holders) for each in items.get("oneOf", [items])]
            return [each for each in found if each is not None]
        case "string":
            return _text(schema, name)
        case "boolean":
            return False
        case _:
            return _number(schema, name, kind)


def _text(schema: Json, name: str) -> str:
    form = schema.get("format", "")
    if form == "date-time" and name.startswith(("end", "last", "finished")):
        return _LATER
    return _FORMATS.get(form) or _TEXTS.get(name, "…")


def _number(schema: Json, name: str, kind: str) -> float:
    found: float = next((value for end, value in _NUMBERS.items() if name.endswith(end)), 3)
    found = min(max(found, schema.get("minimum", found)), schema.get("maximum", found))
    return int(found) if kind == "integer" else found
