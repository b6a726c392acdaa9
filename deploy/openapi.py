"""`python -m deploy.openapi`: writes shared/openapi.json, the document of the whole API, merged from both services' own documents."""

import json
from typing import Any, cast

from deploy.openapi_components import share_components
from deploy.openapi_errors import document_errors
from deploy.openapi_examples import example_of
from services.ingest.app import create_app as create_ingest
from services.ingest.http.examples import BODIES
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from services.query.settings import Settings as QuerySettings
from shared.auth.scopes import PUBLIC, Required
from shared.http.api_document import DOCUMENT

TITLE = "Claude Code Tracker"
DESCRIPTION = (
    "Stores what Claude Code did and answers questions about it: sessions, conversations, file changes, tool calls, tokens and cost.\n\n"
    "Times are ISO 8601 in UTC. Lists are pages: `next_cursor` leads to the next one. Every error has the same body, `Error`. "
    "An unknown query parameter is an error; an unknown field of a body is ignored."
)
KEY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "cct_…",
    "description": "An API key. It is needed if the tracker runs with TRACKER_ACCESS=keys, and checked whenever it is sent. "
    "A browser may log in with it instead (`POST /api/login`).",
}
# In the order in which the reference shows them.
TAGS = {
    "writes": "Sessions, messages, file changes and tool calls, one by one, in batches or as files.",
    "projects": "Projects with their totals.",
    "sessions": "Sessions with their totals.",
    "search": "Search in everything that was said and done.",
    "conversations": "Messages, and the search in them.",
    "activities": "Changes of files.",
    "tool calls": "Tool calls, and how tools behave.",
    "stats": "Time, messages, lines and tools over a period.",
    "usage": "Tokens and cost.",
    "live": "What arrives, as it arrives.",
    "users": "People, as events name them.",
    "capture": "Live capture: hooks, and transcripts as they grow.",
    "imports": "Import jobs.",
    "keys": "API keys and the audit log.",
    "dead letters": "Events that could not be stored.",
    "retention": "What is kept for how long, and what was dropped.",
    "operations": "Scrubs: redaction of what is stored.",
    "service": "Health, metrics and this description.",
}
# Each service serves these for itself; behind the one address a GET is the query service's.
READING_METHODS = frozenset({"get", "head"})


def merged() -> dict[str, Any]:
    """The query service's GETs and the ingest service's other methods, with the schemas of both."""
    apps = {True: create_query(QuerySettings()), False: create_ingest(IngestSettings())}
    reading, writing = apps[True].openapi(), apps[False].openapi()
    paths: dict[str, dict[str, Any]] = {}
    for document, is_reading in ((writing, False), (reading, True)):
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if (method in READING_METHODS) == is_reading:
                    _add_security(operation, apps[is_reading].state.required(method.upper(), path))
                    document_errors(method, path, operation)
                    paths.setdefault(path, {})[method] = operation
    schemas = _both(writing["components"]["schemas"], reading["components"]["schemas"])
    merged = {
        "openapi": reading["openapi"],
        "info": {"title": TITLE, "version": reading["info"]["version"], "description": DESCRIPTION},
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"key": KEY}},
    }
    simplified = cast(dict[str, Any], _simplified(merged))
    for operations in simplified["paths"].values():
        for operation in operations.values():
            _add_examples(operation, simplified["components"]["schemas"])
    share_components(simplified)
    return simplified


def _both(writing: dict[str, Any], reading: dict[str, Any]) -> dict[str, Any]:
    """The schemas of both services."""
    if shared := writing.keys() & reading.keys():
        raise ValueError(f"Schemas of both services have the same name; rename those of one: {sorted(shared)}")
    return writing | reading


def _add_security(operation: dict[str, Any], required: Required) -> None:
    """Describes which key an operation needs, and the answers to other keys."""
    if required.scopes == PUBLIC:
        operation["security"] = []
        return
    names = " and ".join(" or ".join(f"`{name}`" for name in sorted(scopes)) for scopes in (required.scopes, required.also) if scopes)
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds a key with the scope {names}.".strip()
    # Each entry is enough. With TRACKER_ACCESS=open none is needed.
    operation["security"] = [*({"key": [name, *sorted(required.also)]} for name in sorted(required.scopes)), {}]
    operation["responses"] |= {status: {} for status in ("401", "403", "429")}


def _add_examples(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Gives each JSON body of the operation, and of its 2xx answers, an example: its own, or one that is made from its schema."""
    bodies = [operation.get("requestBody", {}), *(each for status, each in operation["responses"].items() if status.startswith("2"))]
    for body in bodies:
        for media_type, content in body.get("content", {}).items():
            if media_type == "application/json" and "example" not in content and (schema := content["schema"]):
                name = schema.get("$ref", "").rpartition("/")[2]
                content["example"] = BODIES[name] if name in BODIES else example_of(schemas, schema)


def _simplified(node: Any) -> Any:
    """The document without titles and descriptions that repeat what stands beside them, and with `"type": ["string", "null"]` instead of an anyOf of the two."""
    if isinstance(node, list):
        return [_simplified(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: value if key in _DATA else _simplified(value) for key, value in node.items()}
    if isinstance(node.get("title"), str) and "type" in node.keys() | _TYPED & node.keys():
        del node["title"]
    match node:
        case {"in": _, "description": said, "schema": {"description": repeated, **schema}} if said == repeated:
            return node | {"schema": schema}
    match node.get("anyOf"):
        case [{"type": str(kind)} as value, {"type": "null"}]:
            allowed = {"enum": [*value["enum"], None]} if "enum" in value else {}
            return {key: each for key, each in node.items() if key != "anyOf"} | value | {"type": [kind, "null"]} | allowed
    return node


# Examples and defaults are data, not schemas.
_DATA = frozenset({"example", "examples", "default", "enum", "const", "required"})
_TYPED = frozenset({"anyOf", "$ref"})


def render() -> str:
    """The file's text."""
    return json.dumps(merged(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
