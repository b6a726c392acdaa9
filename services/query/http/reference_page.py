"""The pages: the API reference at `/docs`, which Swagger UI renders from `/openapi.json`, and the front page."""

import base64
from functools import lru_cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

from shared.http.api_document import DOCUMENT

# Swagger UI as it is in its npm package (`make vendor-docs`), and the script that starts it.
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

_STYLE: Final = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
.path{font-family:ui-monospace,monospace;font-size:.92em;opacity:.7}
"""
_STYLE_DIGEST: Final = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
FRONT_HEADERS: Final = {"Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; {_NO_FRAMES}"}


@lru_cache(maxsize=1)
def document() -> bytes:
    """The committed description of both services."""
    return DOCUMENT.read_bytes()


def front_page() -> str:
    """The links that `/` shows."""
    links = [("/docs", "API reference"), ("/openapi.json", "OpenAPI document"), ("/api/projects", "Projects"), ("/readyz", "Readiness")]
    items = "".join(f'<li><a href="{path}">{escape(text)}</a> <span class="path">{path}</span></li>' for path, text in links)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Claude Code Tracker</title><style>{_STYLE}</style>"
        f"<body><h1>Claude Code Tracker</h1><p>It stores what Claude Code did and answers questions about it.</p><ul>{items}</ul></body></html>"
    )
