"""`tracker top`: open sessions and what happens in them, as it happens."""

import queue
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer
from rich.live import Live

from client.errors import Failure, Refused
from client.http.server import Server
from client.live.board import Board
from client.live.feed_reader import Item, read_feed
from client.live.screen import board_text, event_line
from client.options import At
from client.output.console import Console, console
from client.output.terminal import write_json
from client.phrases import command
from client.questions.filters import Filters
from client.questions.lookup import FORBIDDEN, get, pages

REFRESH_SECONDS: Final = 0.25
# Tokens and cost come with the rows; and that a session is quiet.
READ_SESSIONS_SECONDS: Final = 10.0


def top(
    chosen: Filters = Filters(),
    is_once: Annotated[bool, typer.Option("--once", help="Print what is open now, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write each item of the live feed as a line of JSON.")] = False,
    at: At = At(),
) -> None:
    """Shows open sessions and what happens in them, as it happens.

    A session works, waits for a permission or for input, has failed, or is quiet (it worked, and nothing was heard of it for ten minutes).
    Hooks and transcripts tell it: `tracker connect` sets them up. Without a terminal it prints a line for each thing that happens. Ctrl-C
    ends it.
    """
    server = at.server()
    filters = chosen.of(server)
    given = {name: str(value) for name, value in filters.items() if value is not None}
    answer = _open_sessions(server, given)
    try:
        if is_once:
            if not as_json:
                _check_sessions_shown(server, answer["items"])
            _write_once(answer, _machine_names(server), as_json=as_json)
        elif as_json or not console().is_terminal:
            _write_lines(server, given, answer["last_event_id"], as_json=as_json)
        else:
            _check_sessions_shown(server, answer["items"])
            _show(server, given, answer, _machine_names(server))
    except KeyboardInterrupt:
        raise typer.Exit from None


def _open_sessions(server: Server, filters: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = server.ask("GET", f"/api/live/sessions?{urlencode(filters)}")
    return answer


def _check_sessions_shown(server: Server, rows: list[Item]) -> None:
    """Failure if the key hides which sessions these are: the board has a row for each."""
    if rows and all(row["session_id"] is not None for row in rows):
        return
    try:
        get(server, "/api/sessions", {"limit": 1})
    except Refused as error:
        if error.status != FORBIDDEN:
            raise
        raise Failure(
            f"This key does not show sessions: `{command()} top` needs a key with the scope read; with --json it prints what this key sees."
        ) from None


def _machine_names(server: Server) -> dict[str, str]:
    return {each["machine_id"]: each["name"] for each in pages(server, "/api/machines", {})}


def _write_once(answer: dict[str, Any], machines: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        write_json(answer)
        return
    board, shown = Board(machines), Console()
    board.read(answer["items"], answer["last_event_id"])
    shown.print(board_text(board, datetime.now(UTC), shown.width, 3 + 2 * len(answer["items"]), None))


def _write_lines(server: Server, filters: dict[str, str], last_id: str, *, as_json: bool) -> None:
    def on_state(reason: str | None) -> None:
        if reason is not None:
            typer.echo(reason, err=True)

    shown = Console(soft_wrap=True)
    for _, item in read_feed(server, filters, last_id, on_state):
        if as_json:
            write_json(item)
        elif item["kind"] != "state_changed":
            shown.print(event_line(item))
        sys.stdout.flush()


class _Reader(threading.Thread):
    """Reads the feed beside the screen. `ended_by` is the failure that ended it."""

    def __init__(self, server: Server, filters: dict[str, str], last_id: str) -> None:
        super().__init__(daemon=True)
        self._feed = (server, filters, last_id)
        self.items: queue.Queue[tuple[str, Item]] = queue.Queue(maxsize=10_000)
        self.note: str | None = None
        self.ended_by: Failure | None = None

    def run(self) -> None:
        try:
            for item in read_feed(*self._feed, self._on_state):
                self.items.put(item)
        except Failure as failure:
            self.ended_by = failure

    def _on_state(self, reason: str | None) -> None:
        self.note = reason


def _show(server: Server, filters: dict[str, str], answer: dict[str, Any], machines: dict[str, str]) -> None:
    board, shown = Board(machines), Console()
    board.read(answer["items"], answer["last_event_id"])
    reader = _Reader(server, filters, answer["last_event_id"])
    reader.start()
    read_at = time.monotonic()
    drawn_at, is_new = 0.0, True
    with Live(console=shown, screen=True, auto_refresh=False) as live:
        while True:
            if reader.ended_by is not None:
                raise reader.ended_by
            while not reader.items.empty():
                event_id, item = reader.items.get()
                if item["kind"] == "gap":
                    read_at = -READ_SESSIONS_SECONDS
                else:
                    board.take(event_id, item)
                is_new = True
            if time.monotonic() - read_at >= READ_SESSIONS_SECONDS and reader.note is None:
                try:
                    answer = _open_sessions(server, filters)
                    board.read(answer["items"], answer["last_event_id"])
                except Failure as failure:
                    reader.note = str(failure)
                read_at = time.monotonic()
            # Ages grow each second.
            if is_new or time.monotonic() - drawn_at >= 1:
                now = datetime.now(UTC)
                live.update(board_text(board, now, shown.width, shown.height, reader.note), refresh=True)
                drawn_at, is_new = time.monotonic(), False
            time.sleep(REFRESH_SECONDS)
