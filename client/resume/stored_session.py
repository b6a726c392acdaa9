"""A session's transcripts, from the server's archive to this machine's disk."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from client.errors import Failure, Refused
from client.http.answers import lines_of
from client.http.server import Server
from client.questions.lookup import Item
from client.resume import claude_folder
from client.resume.place_file import Comparison, State, beside, compare, replace
from shared.quantities import counted, plural

NOT_FOUND: Final = 404


class NoTranscript(Failure):
    """The server has no transcript of the session."""


class FolderMissing(Failure):
    """No folder in which the session worked is on this machine."""


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """`files`: those of the session's owner. `others`: versions that another user sent, or nobody knows who."""

    owner: str | None
    files: list[Item] = field(default_factory=list)
    others: list[Item] = field(default_factory=list)

    def left_out(self) -> str | None:
        """The sentence for a person on the others; None without any."""
        if not self.others:
            return None
        senders = ", ".join(sorted({each["user"] or "an unknown user" for each in self.others}))
        whose = f"{self.owner}'s" if self.owner else "an unknown user's"
        return f"{counted(len(self.others), 'file')} left out: {senders} sent {plural(len(self.others), 'it', 'them')}, and the session is {whose}."


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of a session, on this machine's disk but not yet in its place."""

    file: str
    path: Path


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a file is, and what became of it, as a person is told."""

    path: Path
    outcome: str


def files_of(server: Server, session: Item) -> StoredFiles:
    """The newest version of each file of a session that its owner sent, its own transcript first. NoTranscript without one.

    Files that another user sent are never written: Claude would read it as what its own user had said.
    """
    session_id, owner = session["session_id"], session["user"]
    try:
        found = server.ask("GET", f"{_path(session_id)}/files")["items"]
    except Refused as error:
        if error.status == NOT_FOUND:
            raise NoTranscript(str(error)) from error
        raise
    safe = [each for each in found if claude_folder.is_safe(session_id, each["file"])]
    stored = StoredFiles(owner, others=[each for each in safe if each["user"] != owner])
    # The server lists the newest version of each file first.
    newest: dict[str, Item] = {}
    for each in safe:
        if each["user"] == owner:
            newest.setdefault(each["file"], each)
    stored.files.extend(newest.values())
    if f"{session_id}.jsonl" not in newest:
        raise NoTranscript(" ".join(filter(None, [f"The tracker has no transcript of session {session_id} itself.", stored.left_out()])))
    return stored


def start_of(server: Server, session_id: str, file: Item) -> str | None:
    """The folder in which a session was started, without loading its whole transcript."""
    with server.download(_content_path(session_id, file)) as pieces:
        return next(filter(None, map(claude_folder.folder_of, lines_of(pieces))), None)


@contextmanager
def fetched(server: Server, session_id: str, files: list[Item], folder: Path) -> Iterator[list[Fetched]]:
    """The files, loaded into a folder on the same disk as their places. A file that is not put in its place is removed."""
    with ExitStack() as stack:
        found = []
        for file in files:
            path = stack.enter_context(beside(folder / file["file"].replace("/", "-")))
            with server.download(_content_path(session_id, file)) as pieces, path.open("wb") as output:
                for piece in pieces:
                    output.write(piece)
            found.append(Fetched(file["file"], path))
        yield found


def working_folder(transcript: Path, session_id: str) -> str:
    """The first of the session's folders that this machine has. FolderMissing if it has none of them."""
    folders = list(claude_folder.folders_in(transcript))
    found = next(filter(os.path.isdir, folders), None)
    if found is not None:
        return claude_folder.real(found)
    if not folders:
        raise FolderMissing(f"The transcript of session {session_id} names no folder. Name one with --in FOLDER.")
    raise FolderMissing(f"{folders[0]} is not on this machine. Name the folder where the repository is here with --in FOLDER.")


def place(fetched: list[Fetched], project: Path, session_id: str, *, is_forced: bool) -> list[Placed]:
    """Puts the files in their places. A newer file that is here stays. Failure, and no file is touched, if a file here differs and nothing is forced."""
    targets = [(each, claude_folder.path_of(project, session_id, each.file)) for each in fetched]
    compared = [(each, target, compare(target, each.path)) for each, target in targets]
    for _, target, comparison in compared:
        if comparison.state is State.DIFFERENT and not is_forced:
            raise Failure(_difference(target, comparison))
    return [_put(each, target, comparison, is_forced=is_forced) for each, target, comparison in compared]


def _put(each: Fetched, target: Path, comparison: Comparison, *, is_forced: bool) -> Placed:
    if comparison.state is State.SAME or (comparison.state is State.NEWER and not is_forced):
        # Claude Code deletes what was not changed for long.
        os.utime(target)
        return Placed(target, "here already" if comparison.state is State.SAME else "here already, and newer than the tracker's")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace(target, each.path, comparison)
    return Placed(target, {State.MISSING: "written", State.OLDER: "brought up to date"}.get(comparison.state, "replaced"))


@contextmanager
def disk_failures() -> Iterator[None]:
    """An error of this machine's disk as a sentence."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{error.filename or 'The transcript'} cannot be written: {error.strerror or error}.") from error


def _difference(target: Path, comparison: Comparison) -> str:
    same, here, there = (counted(number, "line") for number in (comparison.same, comparison.more_here, comparison.more_there))
    return (
        f"{target} is another version than the tracker's: the first {same} are equal, then it has {here} and the tracker {there}. "
        "Both went on separately. --force takes the tracker's, and keeps this one beside it as .before-resume."
    )


def _path(session_id: str) -> str:
    return f"/api/sessions/{quote(session_id, safe='')}/transcript"


def _content_path(session_id: str, file: Item) -> str:
    version = {name: file[name] for name in ("file", "machine", "generation")}
    return f"{_path(session_id)}?{urlencode(version)}"
