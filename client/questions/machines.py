"""`tracker machines`: the machines that send, what they have not sent, and what Claude Code will delete on them."""

from typing import Annotated, Final
from urllib.parse import quote

import typer
from rich.text import Text

from client.options import At
from client.output.console import Console, console
from client.output.local_time import local_zone, short_time
from client.questions import cells
from client.questions.filters import User
from client.questions.lists import show_table, write
from client.questions.lookup import Item, pages
from client.questions.output import Column, Output
from client.questions.period import Zone
from shared.quantities import counted

FIELDS: Final = (
    "machine_id", "name", "user", "first_seen_at", "last_heard_at", "is_silent", "tracker_version", "claude_version", "os", "spool_files",
    "spool_bytes", "files_unsent", "bytes_unsent", "oldest_unsent_at", "cleanup_period_days", "last_error", "sessions_count",
    "expiring_count", "expiring_missing_count",
)  # fmt: skip


def list_machines(
    user: User = None,
    forget: Annotated[
        str | None,
        typer.Option("--forget", metavar="ID", help="Forget this machine, which is gone. Its sessions stay. Needs an admin's key."),
    ] = None,
    tz: Zone = None,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Lists machines, and what they have not sent.

    It shows when each was last heard of, and which transcripts Claude Code will delete there.
    """
    wanted, zone = form.format, local_zone(tz)
    server = at.server()
    if forget is not None:
        answer = server.ask("DELETE", f"/api/machines/{quote(forget, safe='')}")
        typer.echo(f"{answer['name']}: {answer['message']}")
        return
    found = list(pages(server, "/api/machines", {"user": user}))
    if write(found, FIELDS, wanted):
        return
    columns = (
        Column("Machine", lambda row: row["name"], right=False, least=12),
        Column("User", lambda row: row["user"] or "", rank=4, right=False),
        Column(
            "Last heard of", lambda row: f"{short_time(row['last_heard_at'], zone)}{' silent' if row['is_silent'] else ''}", right=False
        ),
        Column("Sessions", lambda row: cells.count(row["sessions_count"]), rank=3),
        Column("Not sent", _unsent, rank=1),
        Column("Deleted soon", lambda row: cells.count(row["expiring_count"]), rank=2),
        Column("Not here", lambda row: cells.count(row["expiring_missing_count"])),
        Column("Claude Code", lambda row: row["claude_version"] or "", rank=5, right=False),
        Column("tracker", lambda row: row["tracker_version"] or "", rank=6, right=False),
        Column("Id", lambda row: row["machine_id"], rank=7, right=False),
    )
    show_table(found, columns, "No machines. They are listed once their shipper has sent something.")
    _write_notes(console(), found, zone)


def _unsent(row: Item) -> str:
    waiting = row["spool_files"] + row["files_unsent"]
    return f"{counted(waiting, 'file')}, {cells.large(row['spool_bytes'] + row['bytes_unsent'])}B" if waiting else ""


def _write_notes(out: Console, found: list[Item], zone: str) -> None:
    """The things that somebody should do something about."""
    for row in found:
        name = row["name"] or "A machine"
        missing = [each for each in row["expiring"] if not each["is_here"]]
        if missing:
            first = min(each["deleted_after"] for each in missing)
            count = counted(row["expiring_missing_count"], "transcript")
            out.print(
                Text(f"{name}: {count} not here; Claude Code deletes the first after {short_time(first, zone).strip()}."), soft_wrap=True
            )
        if row["last_error"]:
            out.print(Text(f"{name}: {row['last_error']}"), soft_wrap=True)
