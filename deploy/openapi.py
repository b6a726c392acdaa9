"""`python -m deploy.openapi`: writes shared/openapi.json, the one document of the whole API, from what both services say of themselves."""

import json
from typing import Any

from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from services.query.settings import Settings as QuerySettings
from shared.api_document import DOCUMENT

TITLE = "Claude Code Tracker"
DESCRIPTION = "Keeps what Claude Code did and answers what people ask of it. Reads (GET, HEAD) are the query service's, all else is the ingest service's."
# Each service serves these for itself; behind the one address a GET is the query service's.
READING_METHODS = frozenset({"get", "head"})


def merged() -> dict[str, Any]:
    """The query service's GETs and the ingest service's other methods, with the schemas of both."""
    reading = create_query(QuerySettings()).openapi()
    writing = create_ingest(IngestSettings()).openapi()
    paths: dict[str, dict[str, Any]] = {}
    for document, is_reading in ((writing, False), (reading, True)):
        for path, operations in document["paths"].items():
            ours = {method: operation for method, operation in operations.items() if (method in READING_METHODS) == is_reading}
            if ours:
                paths.setdefault(path, {}).update(ours)
    schemas = writing["components"]["schemas"] | reading["components"]["schemas"]
    return {
        "openapi": reading["openapi"],
        "info": {"title": TITLE, "version": reading["info"]["version"], "description": DESCRIPTION},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def render() -> str:
    """The file's text."""
    return json.dumps(merged(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
