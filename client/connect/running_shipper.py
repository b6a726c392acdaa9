"""The shipper that runs on this machine, as its files in the capture folder name it."""

import os
import signal
import time
from pathlib import Path
from typing import Final

from client.capture.folder import read_pid

_STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02


def stop_shipper(folder: Path) -> None:
    """Ends it, if one runs, and waits until it has ended: it may write into the folder until then."""
    file = folder / "shipper.pid"
    try:
        # It keeps the time of its file in the future; else the number may be that of another process by now.
        pid = read_pid(file) if file.stat().st_mtime > time.time() else None
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _STOP_SECONDS
        while file.exists() and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
    except OSError:
        # It has ended by itself.
        return
