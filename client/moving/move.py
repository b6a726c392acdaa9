"""`tracker move`: exports here, imports there, and compares what both trackers say. The source is only read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer
from rich.filesize import decimal

from client.errors import FAILED, Failure
from client.history import jobs
from client.http.server import Server
from client.options import AsJson, At
from client.output.display import Quiet, display_for
from client.output.terminal import write_json
from client.questions import full_export
from client.questions.filters import Project, User
from client.questions.lists import show_table
from client.questions.lookup import get, pages, project_id
from client.questions.output import Column
from shared.quantities import counted

# For each session, and added up over all that are moved.
_MEASURES: Final = {
    "messages_count": "Messages",
    "tool_calls_count": "Tool calls",
    "tool_errors_count": "Failed calls",
    "files_modified_count": "Changed files",
    "lines_added": "Lines added",
    "lines_removed": "Lines removed",
    "input_tokens": "Input tokens",
    "output_tokens": "Output tokens",
    "cache_creation_tokens": "Cache writes",
    "cache_read_tokens": "Cache reads",
    "active_minutes": "Active minutes",
    "cost_usd": "Cost in USD",
}
# The reason in a job's `skipped_records` for what has a tombstone.
_ERASED: Final = "erased or expired"
# Sums of floats, which may be added in another order.
_TOLERANCE: Final = 1e-6

_READ_BYTES: Final = 1 << 18

Sessions = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Compared:
    """A number here and there."""

    name: str
    here: float
    there: float

    @property
    def is_equal(self) -> bool:
        return abs(self.here - self.there) <= _TOLERANCE * max(1.0, abs(self.here))

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"name": self.name, "here": self.here, "there": self.there, "equal": self.is_equal}


def move(
    to: Annotated[str, typer.Option("--to", metavar="URL", help="The tracker that it is moved to.")],
    to_token: Annotated[str | None, typer.Option("--to-token", envvar="TRACKER_TO_TOKEN", help="The API key there.")] = None,
    user: User = None,
    project: Project = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compare both trackers, move nothing.")] = False,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="FILE", help="Keep the export in this file, too.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Copies everything into another tracker, and compares.

    It exports here, imports there, and shows what is equal. Here nothing changes. Run it again to go on, or to move what came since.

    Exit code: 0 all that was moved is equal there; 1 something is not, or failed; 3 no tracker there.
    """
    if user is not None and project is not None:
        raise typer.BadParameter("--user and --project exclude each other")
    display = display_for(is_quiet=quiet)
    here = at.server(display)
    there = At(to, to_token).server(display)
    if here.url.rstrip("/") == there.url.rstrip("/"):
        raise typer.BadParameter("is the tracker that is moved from", param_hint="--to")
    chosen = {"user": user, "project_id": project_id(here, project)}
    # Before anything is written here: whether the other one answers, and takes the key.
    get(there, "/api/sessions", {"limit": 1})
    here.is_patient = there.is_patient = True
    left_out = {} if dry_run else _move(here, there, display, chosen, keep)
    compared = _compare(_sessions(here, chosen), _sessions(there, {}))
    rows = [each.row() for each in compared]
    write_json({"compared": rows}) if as_json else show_table(rows, _COLUMNS, "")
    if not dry_run and not all(each.is_equal for each in compared):
        typer.echo(f"Not all of it is equal{_why(left_out)}: docs/how-to/export.md says why that can be.", err=True)
        raise typer.Exit(FAILED)


def _move(here: Server, there: Server, display: Quiet, chosen: dict[str, Any], keep: Path | None) -> dict[str, int]:
    """Returns how many records the other one left out, by reason."""
    with TemporaryDirectory() as temporary:
        archive = keep or Path(temporary) / "tracker-export.zip"
        written = full_export.export_to(here, display, archive, **chosen)
        size = written["bytes"]
        # The same archive is the same job, so that a lost answer imports it once.
        upload = jobs.Upload(archive.name, lambda: _pieces(archive), f"move-{written['sha256']}-{written['export_id']}")
        with display.phase("Upload", size) as phase:
            job = jobs.start(there, upload, None)
            phase.at(size)
            phase.end()
        with display.phase("Import", size) as phase:
            ended = jobs.follow(there, job["job_id"], lambda seen: phase.at(round(seen["progress"] * size)))
            phase.end()
        full_export.delete(here, written["export_id"])
    if ended["status"] != "succeeded":
        reasons = " ".join(str(error["message"]) for error in ended["errors"][:3])
        raise Failure(f"The import at {there.url} {ended['status']}. {reasons}".rstrip())
    display.note(f"Moved {decimal(size)}: job {job['job_id']} there; `tracker undo` takes it back.")
    left_out: dict[str, int] = ended["skipped_records"]
    return left_out


def _why(left_out: dict[str, int]) -> str:
    """The part of the difference that the other tracker explains."""
    erased = left_out.get(_ERASED, 0)
    return f". {counted(erased, 'record')} stayed out there, of what was erased or has expired there. Of the rest" if erased else ""


def _pieces(archive: Path) -> Iterator[bytes]:
    with archive.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            yield piece


def _sessions(server: Server, chosen: dict[str, Any]) -> Sessions:
    return {session["session_id"]: session for session in pages(server, "/api/sessions", chosen)}


def _compare(here: Sessions, there: Sessions) -> list[Compared]:
    """Sums over the sessions of the one, session by session there: the other may have more. Then by user and by project, where they differ."""
    found = [Compared("Sessions", len(here), len(here.keys() & there.keys()))]
    found += [Compared(name, _sum(here, here, field), _sum(here, there, field)) for field, name in _MEASURES.items()]
    differing = [key for key, session in here.items() if not _is_same(session, there.get(key))]
    found.append(Compared("Sessions that differ", 0, len(differing)))
    for group in ("user", "project_name"):
        for value in sorted({str(here[key][group]) for key in differing}):
            of_group = {key: session for key, session in here.items() if str(session[group]) == value}
            name = f"Messages of {value}"
            found.append(Compared(name, _sum(of_group, here, "messages_count"), _sum(of_group, there, "messages_count")))
    return found


def _is_same(here: dict[str, Any], there: dict[str, Any] | None) -> bool:
    if there is None:
        return False
    fields = [*_MEASURES, "title", "user", "start_time", "is_starred", "tags", "note", "project_name"]
    # One of which nothing is heard any more ends when a tracker next looks, here and there at another moment.
    if "open" not in (here["status"], there["status"]):
        fields.append("end_time")
    return all(Compared("", here[f] or 0, there[f] or 0).is_equal if f in _MEASURES else here[f] == there[f] for f in fields)


def _sum(keys: Sessions, values: Sessions, field: str) -> float:
    total = sum(values[key][field] or 0 for key in keys if key in values)
    return round(total, 6) if isinstance(total, float) else total


def _number(value: float) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


_COLUMNS: Final = (
    Column("", lambda row: row["name"], right=False),
    Column("Here", lambda row: _number(row["here"])),
    Column("There", lambda row: _number(row["there"])),
    Column("Equal", lambda row: "yes" if row["equal"] else "no", right=False),
)
