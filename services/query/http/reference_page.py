"""The API reference at `/docs`, which Swagger UI renders from `/openapi.json`."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from shared.http.api_document import DOCUMENT

# Swagger UI as it is in its npm package (swagger-ui.lock), and the script that starts it.
FOLDER: Final = Path(__file__).parents[1] / "swagger_ui"
MEDIA_TYPES: Final = {
    "swagger-ui-bundle.js": "application/javascript",
    "start.js": "application/javascript",
    "swagger-ui.css": "text/css",
}
# An upgrade of the tracker shows after this time at the latest.
ASSET_HEADERS: Final = {"Cache-Control": "private, max-age=3600"}

_NO_FRAMES: Final = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Swagger UI has icons as data: URLs. It asks this server only, for /openapi.json and what a reader tries out.
REFERENCE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " + _NO_FRAMES
}
# Its addresses are relative, so that it also works below a path of a proxy.
REFERENCE_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Claude Code Tracker: API reference</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<body>
<noscript>This page needs JavaScript. Its document is at <a href="openapi.json">/openapi.json</a>.</noscript>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""


@lru_cache(maxsize=1)
def document() -> bytes:
    """The committed description of both services."""
    return DOCUMENT.read_bytes()
