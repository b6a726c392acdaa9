"""How much room the uploads' file system has, for /metrics. With a single disk that is the room for everything."""

import os
from math import nan
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from shared import metrics

VOLUME: Final = "uploads"


def show_disk(blob_url: str) -> None:
    """Sets the gauges, which look at each scrape. A store that is not a folder has no such gauges."""
    parts = urlsplit(blob_url)
    if parts.scheme != "file":
        return
    folder = Path(unquote(parts.path))
    metrics.DISK_FREE_BYTES.labels(VOLUME).set_function(lambda: _bytes(folder, free=True))
    metrics.DISK_BYTES.labels(VOLUME).set_function(lambda: _bytes(folder, free=False))


def _bytes(folder: Path, *, free: bool) -> float:
    """NaN if it cannot be found out. Before the first upload there is no folder yet; then its parent is looked at, which is on the same disk."""
    try:
        found = os.statvfs(next(path for path in (folder, *folder.parents) if path.exists()))
    except OSError:
        return nan
    return float(found.f_frsize * (found.f_bavail if free else found.f_blocks))
