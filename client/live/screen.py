"""The live board as text: a table of sessions and lines of events, for any width."""

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from client.live.board import Board, OpenSession
from client.output.terminal import one_line
from client.questions import cells
from shared import quantities
from shared.terms import terms

STYLES: Final = {
    "working": "green",
    "permission": "bold yellow",
    "input": "cyan",
    "error": "bold red",
    "interrupted": "magenta",
    "quiet": "yellow",
}
_HEAD_LINES: Final = 3


def board_text(board: Board, now: datetime, width: int, height: int, note: str | None) -> Group:
    """The whole screen: counts, sessions, and as many events as there is room for.

    A state that a newer server tells is shown by its name, after the others.
    """
    order = list(terms().states)
    order += sorted({each.state or "" for each in board.open_sessions} - {*order})
    sessions = sorted(board.open_sessions, key=lambda each: order.index(each.state or ""))
    shown = sessions[: max(3, (height - _HEAD_LINES) * 2 // 3)]
    parts: list[Any] = [_head(sessions, order, width), _sessions(shown, now, width) if shown else Text("No session is open.", style="dim")]
    if len(shown) < len(sessions):
        parts.append(Text(f"and {len(sessions) - len(shown)} more", style="dim"))
    room = height - _HEAD_LINES - len(shown) - 2 - (note is not None)
    events = list(board.events)[-room:] if room > 0 else []
    if events:
        parts.append(Text("─" * width, style="dim"))
        parts += [event_line(item, width) for item in events]
    if note is not None:
        parts.append(_cut(Text(one_line(note), style="yellow"), width))
    return Group(*parts)


def event_line(item: dict[str, Any], width: int | None = None) -> Text:
    """`10:30:01  ann  shop  Bash success 120 ms`"""
    text = Text()
    text.append(_clock(item.get("timestamp")), style="dim")
    for name, style in (("user", "magenta"), ("project_name", "blue")):
        if item.get(name):
            text.append("  " + one_line(str(item[name]))[:20], style=style)
    text.append("  ")
    text.append_text(_what(item))
    return text if width is None else _cut(text, width)


def _what(item: dict[str, Any]) -> Text:
    match item["kind"]:
        case "prompt" | "reply" as kind:
            return Text.assemble(("› " if kind == "prompt" else "‹ ", "bold"), one_line(item.get("content") or kind))
        case "tool_started":
            called_with = item.get("running_input") if item.get("running_tool") == item.get("tool_name") else None
            return Text.assemble((one_line(item.get("tool_name") or ""), "bold"), " ", one_line(called_with or "…"))
        case "tool_finished":
            status = item.get("result_status") or ""
            took = f" {quantities.duration(item['execution_time_ms'])}" if item.get("execution_time_ms") is not None else ""
            return Text.assemble((one_line(item.get("tool_name") or ""), "bold"), " ", (status, "" if status == "success" else "red"), took)
        case "file_changed":
            lines = cells.lines(item.get("lines_added"), item.get("lines_removed"))
            return Text(f"{item.get('action')} {one_line(item.get('file_path') or 'a file')} {lines}")
        case "waiting":
            what = item.get("error") or " ".join(filter(None, (item.get("running_tool"), item.get("running_input"))))
            return Text(f"waits {terms().waits.get(item.get('reason') or '', '')}{what and ': '}{one_line(what)}".rstrip(), style="yellow")
        case "session_ended":
            return Text(f"session ended ({item.get('reason')}) {one_line(item.get('title') or '')}".rstrip(), style="dim")
        case kind:
            return Text(str(kind).replace("_", " "), style="dim")


def _head(sessions: list[OpenSession], order: list[str], width: int) -> Text:
    counts = [(state, sum(each.state == state for each in sessions)) for state in order]
    text = Text("tracker top", style="bold")
    for state, count in counts:
        if count:
            text.append(f"  {count} {one_line(state)}", style=STYLES.get(state, ""))
    return _cut(text, width)


def _sessions(sessions: list[OpenSession], now: datetime, width: int) -> Table:
    """The columns that matter least are left out where it is narrow. The column of what it does takes the rest of the width."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), collapse_padding=True, width=width)
    columns: list[tuple[str, int, int, Any]] = [
        ("State", 11, 0, lambda each: Text(one_line(each.state or ""), style=STYLES.get(each.state or "", ""))),
        ("For", 6, 0, lambda each: Text("" if each.since is None else quantities.age((now - each.since).total_seconds()))),
        ("Project", 14, 0, lambda each: Text(one_line(each.project or quantities.UNKNOWN))),
        ("User", 10, 90, lambda each: Text(one_line(each.user or quantities.UNKNOWN))),
        ("Machine", 12, 140, lambda each: Text(one_line(each.machine or quantities.UNKNOWN))),
        ("Session", 24, 150, lambda each: Text(one_line(each.title or each.prompt or each.session_id))),
        ("Tokens", 8, 110, lambda each: Text(cells.large(each.tokens))),
        ("Cost", 8, 110, lambda each: Text(cells.usd(each.cost_usd))),
        ("Changed", 30, 180, _changed),
    ]
    kept = [column for column in columns if width >= column[2]]
    for name, size, _, _ in kept:
        table.add_column(
            name, width=size, no_wrap=True, overflow="ellipsis", justify="right" if name in ("For", "Tokens", "Cost") else "left"
        )
    table.add_column("What", ratio=1, no_wrap=True, overflow="ellipsis")
    for session in sessions:
        table.add_row(*(cell(session) for _, _, _, cell in kept), _does(session))
    return table


def _does(session: OpenSession) -> Text:
    """The error, or how many subagents work, and the call that runs or waits; else the end of what Claude asked, else the last prompt."""
    if session.error:
        return Text(one_line(session.error), style="red")
    count = session.agents_at_work
    agents = (f"{quantities.counted(count, 'agent')} · " if count else "", "green")
    if session.tool:
        return Text.assemble(agents, (one_line(session.tool), "bold"), " ", one_line(session.input or ""))
    asked = session.asks.rpartition("\n")[2] if session.asks else None
    return Text.assemble(agents, one_line(asked or session.prompt or session.title or session.session_id))


def _changed(session: OpenSession) -> Text:
    """`upload.py +20 -4, main.py +1 -0`"""
    names = [re.split(r"[/\\]", each["file_path"])[-1] for each in session.files]
    lines = [cells.lines(each["lines_added"], each["lines_removed"]) for each in session.files]
    return Text(", ".join(f"{one_line(name)} {changed}" for name, changed in zip(names, lines, strict=True)))


def _clock(text: str | None) -> str:
    return "--:--:--" if text is None else f"{datetime.fromisoformat(text).astimezone(_zone()):%H:%M:%S}"


def _zone() -> ZoneInfo:
    from client.output.local_time import local_zone  # noqa: PLC0415  tzlocal is slow to load

    return ZoneInfo(local_zone())


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text
