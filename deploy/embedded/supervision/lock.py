"""The lock on a data folder: one stack at a time. The kernel releases it when its holder dies, so it is never stale."""

import fcntl
import os
from pathlib import Path

from deploy.embedded.paths import make_command
from deploy.embedded.supervision.processes import StartError


def take(lock_file: Path) -> int:
    """Holds the lock until the returned descriptor is closed. StartError if another stack holds it."""
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        data_dir = lock_file.parent.parent
        raise StartError(
            f"A tracker is already running on {data_dir} (process {holder(lock_file)}). Stop it with `{make_command('down', data_dir)}`, "
            "or start a second one beside it with another TRACKER_DATA_DIR and TRACKER_PORT."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def holder(lock_file: Path) -> int | None:
    """The pid of the supervisor that holds the lock; None if the lock is free."""
    try:
        descriptor = os.open(lock_file, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(descriptor, 20) or b"0")
    finally:
        os.close(descriptor)
    return None
