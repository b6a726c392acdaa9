"""An import of files: hash them, ask the server which are new, send those, follow the jobs, add up their counts."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from client.errors import Failure, Interrupted, Refused, Unreachable
from client.history import jobs, tar_stream
from client.history.claude_files import Found, LocalFile, Problem, reason_of
from client.history.contents import READ_BYTES
from client.history.hash_cache import HashCache
from client.history.jobs import Job, Upload
from client.history.plan import HashedFile, LeaveOut, Plan, make_plan, split
from client.http.server import Server
from client.output.display import Quiet
from shared.quantities import counted

_TOO_LARGE = 413
_NAMED_PATHS = 2

# Yields an upload's bytes from the start. Its argument is called with the number of file bytes that were read.
Content = Callable[[Callable[[int], None]], Iterator[bytes]]


@dataclass(slots=True)
class Result:
    """The outcome of an import. `files_sent` and `bytes_sent` count files before compression."""

    files_sent: int = 0
    bytes_sent: int = 0
    files_known: int = 0
    problems: list[Problem] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every file could be read and every job succeeded."""
        return not self.problems and all(job["status"] == "succeeded" for job in self.jobs)

    def total(self, name: str) -> int:
        """The sum of a count over all jobs."""
        return sum(int(job[name]) for job in self.jobs)

    @property
    def unread(self) -> Counter[str]:
        """The kinds of records that the files have and the server does not read, by name."""
        return sum((Counter(job["unknown_records"]) for job in self.jobs), Counter())

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors of the server while reading: the first hundred of each job."""
        return [error for job in self.jobs for error in job["errors"]]


@dataclass(slots=True)
class Importer:
    """Imports found files into a server. One importer may be used many times."""

    server: Server
    display: Quiet
    cache: HashCache
    user: str | None
    # A retry within one run is the same job. Another run is a new job, because the first may have been undone.
    run_id: str = field(default_factory=secrets.token_hex)
    leave_out: LeaveOut | None = None
    # The name of an upload of several files in the list of jobs.
    origin: str = "files of Claude Code"

    def plan(self, found: Found) -> Plan:
        """Hashes the files and asks the server which are new."""
        total = sum(file.size for file in found.files if self.cache.get(file) is None)
        if not total:
            return make_plan(found, self.cache, self.server, self.user, self.leave_out, lambda _: None)
        with self.display.phase("Checking", total) as phase:
            plan = make_plan(found, self.cache, self.server, self.user, self.leave_out, _counting(phase.at))
            phase.at(total)
            phase.end(f"{counted(len(plan.files), 'file')} new")
        return plan

    def send(self, plan: Plan) -> Result:
        """Sends the plan's files and waits until every job has ended."""
        result = Result(files_known=plan.known, problems=list(plan.problems))
        waiting = list(split(plan.to_send, plan.max_upload_bytes))
        while waiting:
            self._send_tar(waiting, result)
        for archive in plan.archives:
            self._send_archive(archive, result)
        return result

    def _send_tar(self, waiting: list[list[HashedFile]], result: Result) -> None:
        """Sends the first waiting upload. If a proxy takes less than the server, puts it back in smaller parts."""
        files = waiting.pop(0)
        total = sum(known.file.size for known in files)
        changed: dict[Path, Problem] = {}

        def content(on_bytes: Callable[[int], None]) -> Iterator[bytes]:
            changed.clear()
            members = [known.file for known in files]
            yield from tar_stream.zstd_packed(
                tar_stream.tar_of(members, on_bytes, lambda file, problem: changed.update({file.path: problem}))
            )

        try:
            job = self._job(self.origin, [known.sha256 for known in files], total, content)
        except Refused as error:
            if error.status != _TOO_LARGE:
                raise
            parts = _in_parts(files, error.details.get("max_bytes"))
            waiting[:0] = parts
            if not parts:
                result.problems.append(Problem(str(files[0].file.path), f"is too large: {error}"))
            return
        result.jobs.append(job)
        result.problems += changed.values()
        sent = [known.file for known in files if known.file.path not in changed]
        result.files_sent += len(sent)
        result.bytes_sent += sum(file.size for file in sent)

    def _send_archive(self, file: LocalFile, result: Result) -> None:
        try:
            contents = [str(file.path), str(file.size), str(file.mtime_ns)]
            job = self._job(file.path.name, contents, file.size, lambda on_bytes: _bytes(file, on_bytes))
        except Unreachable:
            raise
        except Failure as error:
            result.problems.append(Problem(str(file.path), str(error)))
            return
        result.jobs.append(job)
        result.files_sent += 1
        result.bytes_sent += file.size

    def _job(self, name: str, contents: Sequence[str], total: int, content: Content) -> Job:
        key = sha256("\n".join([self.run_id, self.user or "", *contents]).encode("utf-8", "surrogateescape")).hexdigest()
        try:
            with self.display.phase("Upload", total) as phase:
                upload = Upload(name, lambda: _measured(content, phase.at), key)
                job = jobs.start(self.server, upload, self.user)
                phase.at(total)
                phase.end()
        except KeyboardInterrupt:
            raise Interrupted("Interrupted while sending. The server keeps nothing of this upload.") from None
        with self.display.phase("Import", total) as phase:
            ended = jobs.follow(self.server, job["job_id"], lambda seen: phase.at(round(seen["progress"] * total), _so_far(seen)))
            phase.end(_so_far(ended))
        return ended


def origin_of(paths: Sequence[Path], home: Path, machine: str) -> str:
    """The name of an import of these paths: `~/.claude and ~/.claude.json on ann-laptop`. The server shows a path only if it begins with `~/`."""
    names = [
        f"~/{path.relative_to(home).as_posix()}" if home in path.parents else path.name or str(path) for path in map(Path.absolute, paths)
    ]
    named = " and ".join(names) if len(names) <= _NAMED_PATHS else f"{names[0]} and {len(names) - 1} more"
    return f"{named} on {machine}" if machine else named


def _in_parts(files: list[HashedFile], max_bytes: Any) -> list[list[HashedFile]]:
    """The files of an upload that was too large, in smaller uploads; empty for a single file."""
    if len(files) == 1:
        return []
    parts = list(split(files, max_bytes)) if isinstance(max_bytes, int) else [files]
    return parts if len(parts) > 1 else [files[: len(files) // 2], files[len(files) // 2 :]]


def _measured(content: Content, at: Callable[[int, str], None]) -> Iterator[bytes]:
    """The packed bytes. The progress bar counts file bytes and names the packed size."""
    done, packed = 0, 0

    def on_bytes(more: int) -> None:
        nonlocal done
        done += more

    for chunk in content(on_bytes):
        packed += len(chunk)
        yield chunk
        at(done, f"{decimal(packed)} packed")


def _bytes(file: LocalFile, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    try:
        with file.path.open("rb") as opened:
            while part := opened.read(READ_BYTES):
                on_bytes(len(part))
                yield part
    except OSError as error:
        raise Failure(f"{file.path}: {reason_of(error)}") from error


def _counting(at: Callable[[int], None]) -> Callable[[int], None]:
    done = 0

    def on_bytes(more: int) -> None:
        nonlocal done
        done += more
        at(done)

    return on_bytes


def _so_far(job: Job) -> str:
    return counted(job["conversations_imported"], "message")
