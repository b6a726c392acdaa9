"""Exports of everything on the server: started, followed to their end, downloaded and checked."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from client.errors import Failure
from client.http.follow import follow
from client.http.server import Server
from client.output.display import SHARE_TOTAL, Quiet
from client.questions.export_text import write_pieces

Export = dict[str, Any]


def export_to(server: Server, display: Quiet, target: Path | None, *, user: str | None = None, project_id: int | None = None) -> Export:
    """Has an export written, and downloads it. Failure if it fails, or if what arrives is not what was written."""
    selection = {"user": user, "project_id": project_id}
    started = server.ask("POST", "/api/exports", {name: value for name, value in selection.items() if value is not None})
    with display.share("Export") as phase:
        written = follow(
            server,
            _path(started["export_id"]),
            f"The export {started['export_id']}",
            lambda seen: phase.at(round(seen["progress"] * SHARE_TOTAL)),
            report_seconds=0,
            hint="; the same command goes on with it",
        )
        phase.at(SHARE_TOTAL)
        phase.end()
    if written["status"] != "succeeded":
        reasons = " ".join(str(error["message"]) for error in written["errors"])
        raise Failure(f"The export {written['status']}. {reasons}".rstrip())
    digest = hashlib.sha256()
    with display.phase("Download", written["bytes"]) as phase, server.download(f"{_path(written['export_id'])}/archive") as pieces:
        write_pieces(_counted(pieces, digest, phase.at), target)
        phase.end()
    if digest.hexdigest() != written["sha256"]:
        raise Failure("What was downloaded is not what the server wrote: its SHA-256 is another. Run the command again.")
    return written


def delete(server: Server, export_id: str) -> None:
    """The server need not keep what is downloaded."""
    server.ask("DELETE", _path(export_id))


def _path(export_id: str) -> str:
    return f"/api/exports/{quote(export_id, safe='')}"


def _counted(pieces: Iterator[bytes], digest: "hashlib._Hash", at: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        digest.update(piece)
        done += len(piece)
        at(done)
        yield piece
