"""The shipper that runs on this machine, as its files in the capture folder name it."""

import os
import signal
import time
from pathlib import Path
from typing import Final

from client.capture.lock import running_shipper

_STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02


def stop_shipper(folder: Path) -> None:
    """Ends it, if one runs, and waits until it has ended: it may write into the folder until then."""
    pid = running_shipper(folder)
    if pid is None:
        return
    try:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _STOP_SECONDS
        while running_shipper(folder) == pid and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
    except OSError:
        # It has ended by itself.
        return
