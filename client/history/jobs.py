"""Import jobs on the server: started by an upload, followed to their end, changed."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote

from client.errors import Interrupted, Unreachable
from client.http.server import Server
from client.phrases import command

POLL_SECONDS: Final = 0.5
# The job continues without this command; a server that restarts is back within this time.
AWAY_SECONDS: Final = 60
ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})

Job = dict[str, Any]

# The counters of an import job.
COUNTS: Final = (
    "projects_imported",
    "sessions_imported",
    "sessions_updated",
    "conversations_imported",
    "tool_calls_imported",
    "activities_imported",
    "duplicates",
    "errors_total",
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for the server: `content` yields its bytes, from the start on each call. The same key is the same job."""

    name: str
    content: Callable[[], Iterable[bytes]]
    key: str


def start(server: Server, upload: Upload, user: str | None) -> Job:
    """Sends the upload. Returns the job that the server made for it."""
    boundary = token_hex(16)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Idempotency-Key": upload.key,
        "Prefer": "respond-async",
    }
    job: Job = server.upload("/api/import/claude-data", headers, lambda: _multipart(upload, user, boundary))
    return job


def _multipart(upload: Upload, user: str | None, boundary: str) -> Iterator[bytes]:
    if user:
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="user"\r\n\r\n'.encode() + user.encode("utf-8", "replace") + b"\r\n"
    name = "".join(character for character in upload.name if character.isprintable() and character not in '"\\')
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    )
    yield head.encode("utf-8", "replace")
    yield from upload.content()
    yield f"\r\n--{boundary}--\r\n".encode()


def follow(server: Server, job_id: str, on_progress: Callable[[Job], None]) -> Job:
    """Waits until the job has ended and returns it. Unreachable if the server is away for long, Interrupted on Ctrl-C."""
    last_seen = time.monotonic()
    job: Job | None = None
    try:
        while True:
            try:
                job = server.ask("GET", path_of(job_id))
                last_seen = time.monotonic()
                assert job is not None
                on_progress(job)
                if job["status"] in ENDED:
                    return job
            except Unreachable as error:
                if time.monotonic() - last_seen > AWAY_SECONDS:
                    raise Unreachable(f"{error} The job {job_id} continues when the server is back.") from error
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        # An undo cannot be cancelled. Before the first answer the kind is not known.
        stop = f", and `{command()} cancel {job_id}` stops it" if job is None or job["kind"] == "import" else ""
        raise Interrupted(f"The job {job_id} continues on the server. `{command()} jobs` shows it{stop}.") from None


def path_of(job_id: str, action: str = "") -> str:
    """The path of a job, or of an action on it."""
    return f"/api/import/jobs/{quote(job_id, safe='')}{action and '/' + action}"
