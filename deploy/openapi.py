"""`python -m deploy.openapi`: writes shared/openapi.json, the one document of the whole API, from what both services say of themselves."""

import json
from typing import Any

from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from services.query.settings import Settings as QuerySettings
from shared.auth.scopes import PUBLIC, Scopes
from shared.http.api_document import DOCUMENT

TITLE = "Claude Code Tracker"
DESCRIPTION = "Keeps what Claude Code did and answers what people ask of it. Reads (GET, HEAD) are the query service's, all else is the ingest service's."
KEY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "cct_…",
    "description": "An API key. Always checked if it is sent; needed if the tracker runs with TRACKER_ACCESS=keys.",
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
                    _add_security(operation, apps[is_reading].state.required(method.upper(), path).scopes)
                    paths.setdefault(path, {})[method] = operation
    schemas = writing["components"]["schemas"] | reading["components"]["schemas"]
    return {
        "openapi": reading["openapi"],
        "info": {"title": TITLE, "version": reading["info"]["version"], "description": DESCRIPTION},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"key": KEY}},
    }


def _add_security(operation: dict[str, Any], scopes: Scopes) -> None:
    """Describes which key an operation needs, and the answers to other keys."""
    if scopes == PUBLIC:
        operation["security"] = []
        return
    names = " or ".join(f"`{name}`" for name in sorted(scopes))
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds a key with the scope {names}.".strip()
    # With TRACKER_ACCESS=open none is needed.
    operation["security"] = [{"key": []}, {}]
    operation["responses"] = dict(sorted((operation["responses"] | {"401": _UNAUTHORIZED, "403": _FORBIDDEN}).items()))


def _refusal(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


_UNAUTHORIZED = _refusal("There is no API key, or none that is valid.")
_FORBIDDEN = _refusal("The key is not for this: it lacks the scope, or is bound to another user or other projects.")


def render() -> str:
    """The file's text."""
    return json.dumps(merged(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
