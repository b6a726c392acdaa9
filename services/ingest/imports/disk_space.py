"""How much room the uploads' file system has, for /metrics. Where one disk carries everything, it is everything's."""

import os
from math import nan
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from shared import metrics

VOLUME: Final = "uploads"


def show_disk(blob_url: str) -> None:
    """From now on each scrape looks; nothing is told of a store that is no folder."""
    parts = urlsplit(blob_url)
    if parts.scheme != "file":
        return
    folder = Path(unquote(parts.path))
    metrics.DISK_FREE_BYTES.labels(VOLUME).set_function(lambda: _bytes(folder, free=True))
    metrics.DISK_BYTES.labels(VOLUME).set_function(lambda: _bytes(folder, free=False))


def _bytes(folder: Path, *, free: bool) -> float:
    """NaN if it cannot be told. The folder is made with the first upload, the one it will be in is on the same disk."""
    try:
        found = os.statvfs(next(path for path in (folder, *folder.parents) if path.exists()))
    except OSError:
        return nan
    return float(found.f_frsize * (found.f_bavail if free else found.f_blocks))
