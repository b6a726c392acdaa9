"""The dashboard's built files: one page for every view, and its scripts and styles. `make dashboard` builds them from services/query/dashboard."""

import gzip
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "dashboard" / "built"
PAGE: Final = FOLDER / "index.html"
ASSETS: Final = FOLDER / "assets"

# They are there packed alone (deploy/pack_dashboard.py), as `name.gz`.
PACKED: Final = (".js", ".css")
MEDIA_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

# Nothing from elsewhere and nothing inline, so stored text that reached the page as markup could neither run nor report.
PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    # The page names its files by their hash: an upgrade shows with the next load.
    "Cache-Control": "no-cache",
}
ASSET_HEADERS: Final = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


def asset(name: str) -> Path | None:
    """The file of this name, `.gz` if it is packed; None if no such file exists. A name from a request never leaves the folder."""
    path = ASSETS / name
    if path.parent != ASSETS or path.suffix not in MEDIA_TYPES:
        return None
    found = path.with_name(f"{name}.gz") if path.suffix in PACKED else path
    return found if found.is_file() else None


def unpacked(path: Path) -> bytes:
    """The content of a packed file, for a client that takes no gzip."""
    return gzip.decompress(path.read_bytes())
