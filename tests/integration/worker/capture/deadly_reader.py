"""`python -m tests.integration.worker.capture.deadly_reader DATABASE_URL REDIS_URL` reads what was captured, in a process that a line of a transcript kills."""

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import read_captured
from services.worker.importers.formats.json_lines import Line
from services.worker.importers.formats.transcript.transcript_reader import Transcript
from services.worker.resources import open_resources
from services.worker.settings import Settings

_read = Transcript.read


def read(self: Transcript, line: Line) -> Iterator[Any]:
    if b"kill this process" in line.content:
        os.kill(os.getpid(), signal.SIGKILL)
    return _read(self, line)


if __name__ == "__main__":
    Transcript.read = read  # type: ignore[method-assign]
    resources = open_resources(Settings(database_url=sys.argv[1], redis_url=sys.argv[2]))
    while read_captured(resources, ParserStates()):
        pass
