"""The common part of the commands `verify` and `rebuild`: they run in a process of their own, and say why they could not."""

import sys
from collections.abc import Callable
from typing import TypeVar

from services.worker.resources import Resources, open_resources
from services.worker.retry_later import UNAVAILABLE_ERRORS, reason_of
from services.worker.settings import Settings

T = TypeVar("T")


def with_worker(work: Callable[[Resources], T], *, failure: str) -> T | None:
    """The result of `work`. None if a server is unavailable; then standard error has `failure` and the reason."""
    worker = open_resources(Settings())
    try:
        return work(worker)
    except UNAVAILABLE_ERRORS as error:
        sys.stderr.write(f"{failure}, {reason_of(error)}; is the stack running?\n")
        return None
    finally:
        worker.close()
