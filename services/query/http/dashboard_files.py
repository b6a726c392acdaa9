"""The dashboard's built files: one page for every view, and its scripts and styles. `make dashboard` builds them from services/query/dashboard."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "dashboard" / "built"
PAGE: Final = FOLDER / "index.html"
ASSETS: Final = FOLDER / "assets"

MEDIA_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

# Nothing from elsewhere and nothing inline, so stored text that reached the page as markup could neither run nor report.
PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    # The page names its files by their hash: an upgrade shows with the next load.
    "Cache-Control": "no-cache",
}
ASSET_HEADERS: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


def asset(name: str) -> Path | None:
    """The file with this name; None if no such file exists. A name from a request never leaves the folder."""
    path = ASSETS / name
    return path if path.parent == ASSETS and path.suffix in MEDIA_TYPES and path.is_file() else None
