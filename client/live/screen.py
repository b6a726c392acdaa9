"""The live board as text: a table of sessions and lines of events, for any width."""

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from client.live.board import ENDED, ERROR, INPUT, PERMISSION, WORKING, Board, OpenSession
from client.questions import cells
from shared import quantities

STYLES: Final = {WORKING: "green", PERMISSION: "bold yellow", INPUT: "cyan", ERROR: "bold red", ENDED: "dim"}
_ORDER: Final = (PERMISSION, ERROR, WORKING, INPUT, ENDED)
# Control characters, which a terminal would obey, and those that turn the direction of writing.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_HEAD_LINES: Final = 3


def board_text(board: Board, now: datetime, width: int, height: int, note: str | None) -> Group:
    """The whole screen: counts, sessions, and as many events as there is room for."""
    sessions = sorted(board.sessions.values(), key=lambda each: (_ORDER.index(each.state), each.since is None, -_seconds(each)))
    shown = sessions[: max(3, (height - _HEAD_LINES) * 2 // 3)]
    parts: list[Any] = [_head(sessions, width), _sessions(shown, now, width) if shown else Text("No session is open.", style="dim")]
    if len(shown) < len(sessions):
        parts.append(Text(f"and {len(sessions) - len(shown)} more", style="dim"))
    room = height - _HEAD_LINES - len(shown) - 2 - (note is not None)
    events = list(board.events)[-room:] if room > 0 else []
    if events:
        parts.append(Text("─" * width, style="dim"))
        parts += [event_line(item, width) for item in events]
    if note is not None:
        parts.append(_cut(Text(clean(note), style="yellow"), width))
    return Group(*parts)


def event_line(item: dict[str, Any], width: int | None = None) -> Text:
    """`10:30:01  ann  shop  Bash success 120 ms`"""
    text = Text()
    text.append(_clock(item.get("timestamp")), style="dim")
    for name, style in (("user", "magenta"), ("project_name", "blue")):
        if item.get(name):
            text.append("  " + clean(str(item[name]))[:20], style=style)
    text.append("  ")
    text.append_text(_what(item))
    return text if width is None else _cut(text, width)


def clean(text: str) -> str:
    """On one line, without what a terminal would obey."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def _what(item: dict[str, Any]) -> Text:
    match item["kind"]:
        case "prompt" | "reply" as kind:
            return Text.assemble(("› " if kind == "prompt" else "‹ ", "bold"), clean(item.get("content") or kind))
        case "tool_started":
            return Text.assemble((clean(item.get("tool_name") or ""), "bold"), " …")
        case "tool_finished":
            status = item.get("result_status") or ""
            took = f" {quantities.duration(item['execution_time_ms'])}" if item.get("execution_time_ms") is not None else ""
            return Text.assemble((clean(item.get("tool_name") or ""), "bold"), " ", (status, "" if status == "success" else "red"), took)
        case "file_changed":
            lines = cells.lines(item.get("lines_added"), item.get("lines_removed"))
            return Text(f"{item.get('action')} {clean(item.get('file_path') or 'a file')} {lines}")
        case "waiting":
            return Text(
                {PERMISSION: "waits for a permission", ERROR: "has failed"}.get(item.get("reason") or "", "waits for input"), style="yellow"
            )
        case "session_ended":
            return Text(f"session ended ({item.get('reason')})", style="dim")
        case kind:
            return Text(str(kind).replace("_", " "), style="dim")


def _head(sessions: list[OpenSession], width: int) -> Text:
    counts = [(state, sum(each.state == state for each in sessions)) for state in _ORDER]
    text = Text("tracker top", style="bold")
    for state, count in counts:
        if count:
            text.append(f"  {count} {state}", style=STYLES[state])
    return _cut(text, width)


def _sessions(sessions: list[OpenSession], now: datetime, width: int) -> Table:
    """The columns that matter least are left out where it is narrow. The last prompt takes what is left."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), collapse_padding=True, width=width)
    columns: list[tuple[str, int, int, Any]] = [
        ("State", 10, 0, lambda each: Text(each.state, style=STYLES[each.state])),
        ("For", 6, 0, lambda each: Text(_age(each, now))),
        ("Project", 14, 0, lambda each: Text(clean(each.project or quantities.UNKNOWN))),
        ("User", 10, 90, lambda each: Text(clean(each.user or quantities.UNKNOWN))),
        ("Machine", 12, 140, lambda each: Text(clean(each.machine or quantities.UNKNOWN))),
        ("Tool", 14, 70, lambda each: Text(clean(each.tool[0]) if each.tool else "")),
        ("Tokens", 8, 110, lambda each: Text(cells.large(each.tokens))),
        ("Cost", 8, 110, lambda each: Text(cells.usd(each.cost_usd))),
    ]
    kept = [column for column in columns if width >= column[2]]
    for name, size, _, _ in kept:
        table.add_column(
            name, width=size, no_wrap=True, overflow="ellipsis", justify="right" if name in ("For", "Tokens", "Cost") else "left"
        )
    table.add_column("Last prompt", ratio=1, no_wrap=True, overflow="ellipsis")
    for session in sessions:
        prompt = Text(clean(session.prompt or session.title or session.session_id))
        table.add_row(*(cell(session) for _, _, _, cell in kept), prompt, style="dim" if session.state == ENDED else "")
    return table


def _age(session: OpenSession, now: datetime) -> str:
    since = session.tool[1] if session.tool and session.state == WORKING else session.since
    if since is None:
        return ""
    seconds = max(0, round((now - since).total_seconds()))
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min" if seconds < 6000 else f"{seconds // 3600} h"


def _seconds(session: OpenSession) -> float:
    return session.since.timestamp() if session.since else 0.0


def _clock(text: str | None) -> str:
    return "--:--:--" if text is None else f"{datetime.fromisoformat(text).astimezone(_zone()):%H:%M:%S}"


def _zone() -> ZoneInfo:
    from client.local_time import local_zone  # noqa: PLC0415  tzlocal is slow to load

    return ZoneInfo(local_zone())


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text
