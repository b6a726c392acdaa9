"""A session as one HTML page that needs nothing else: no script, no request to anywhere; a strict Content-Security-Policy in the page and in the answer.

Jinja escapes every text. Only claude_markdown.py makes HTML of one, and it escapes what it is given.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.environment import TemplateModule
from markupsafe import Markup
from msgspec import Struct

from services.query.answers.timeline import EntryItem, FileChangeItem, MessageItem, TimelineItem, ToolCallItem
from services.query.export import phrases
from services.query.export.claude_markdown import as_html, diff_as_html
from services.query.export.exported_session import ExportedSession
from services.query.export.options import Options
from services.query.export.plain_text import one_line, plain
from services.query.export.walk import Begin, End, Item, Step
from shared import quantities

_NOT_IN_AN_ANCHOR: Final = re.compile(r"[^A-Za-z0-9_.-]+")
# An entry that is longer is folded.
_MOST_OPEN: Final = 300


def as_page(session: ExportedSession, steps: Iterable[Step], options: Options) -> Iterator[str]:
    """The page piece by piece."""
    head = {"title": phrases.title(session), "facts": list(phrases.facts(session, options.zone)), "note": plain(session.note or "")}
    yield _environment().get_template("head.html").render(head | {"style": Markup(_style()), "policy": page_policy()})  # noqa: S704
    macros = _macros()
    for step in steps:
        match step:
            case Begin(_, subagent):
                yield str(macros.subagent_begin(one_line(subagent.agent_id, 60), phrases.subagent_line(subagent)))  # type: ignore[attr-defined]
            case End():
                yield str(macros.subagent_end())  # type: ignore[attr-defined]
            case Item(_, item):
                yield from _item(macros, item, options)
    yield _environment().get_template("foot.html").render()


def answer_policy() -> str:
    """For the header: as in the page, and sandboxed, so that it would not belong to the tracker's origin even if a browser found a way to run it."""
    return f"sandbox allow-popups allow-popups-to-escape-sandbox; {page_policy()}; frame-ancestors 'none'"


@cache
def page_policy() -> str:
    """For the page itself, which may be opened as a file: its own style alone."""
    digest = base64.b64encode(sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return (files(__package__) / "templates" / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(str(__package__)), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["markdown"] = as_html
    made.filters["diff"] = diff_as_html
    return made


@cache
def _macros() -> TemplateModule:
    return _environment().get_template("items.html").module


class _Common(Struct):
    """What every item shows."""

    anchor: str
    time: str
    iso_time: str


class _Change(Struct):
    """A file change as it is shown; what is not is empty."""

    action: str
    path: str
    lines: str
    patch: str
    left_out: str


class _Call(Struct):
    """A tool call as it is shown: a line, and folded below it what is not empty of the rest."""

    name: str
    summary: str
    outcome: str
    has_failed: bool
    details: str
    changes: list[_Change]
    input: str
    result: str
    media: list[str]


def _item(macros: Any, item: TimelineItem, options: Options) -> Iterator[str]:
    common = _Common(
        anchor="i-" + _NOT_IN_AN_ANCHOR.sub("-", item.id),
        time=phrases.local_time(item.timestamp, options.zone),
        iso_time=item.timestamp.isoformat() if item.timestamp else "",
    )
    match item:
        case MessageItem():
            if item.content.strip():
                yield str(macros.message(common, item.role, plain(item.content)))
        case ToolCallItem():
            if options.tools != "none":
                yield str(macros.call(common, _call(item, options)))
        case FileChangeItem():
            if options.tools != "none":
                yield str(macros.change(common, _change(item, options)))
        case EntryItem(kind="thinking"):
            yield str(macros.thinking(common, plain(item.content)))
        case EntryItem() if phrases.is_queued_prompt(item):
            yield str(macros.message(common, "user", plain(item.content)))
        case _:
            if options.tools != "none" or item.kind not in ("command_output", "notice"):
                name, content = phrases.entry(item)
                is_long = len(content) > _MOST_OPEN or "\n" in content.strip()
                yield str(macros.entry(common, name, plain(content).strip(), one_line(content, 120), is_long))


def _call(call: ToolCallItem, options: Options) -> _Call:
    parameters = phrases.parameters_of(call)
    shown = _Call(
        name=one_line(call.tool_name, 100),
        summary=phrases.call_summary(parameters),
        outcome=phrases.outcome(call),
        has_failed=call.result_status in ("error", "rejected", "timeout", "cancelled"),
        details=" · ".join(phrases.details(call)),
        changes=[],
        input="",
        result="",
        media=[],
    )
    if options.tools == "full":
        shown.changes = [_change(each, options) for each in call.changes if each.patch]
        shown.input = "" if shown.changes else _input(call, parameters, shown.summary)
        shown.result = phrases.result_text(call.result).strip("\n") if call.result else ""
        shown.media = phrases.media(call.result) if call.result else []
    return shown


def _input(call: ToolCallItem, parameters: Any, summary: str) -> str:
    """What the line does not show already."""
    if not parameters or (isinstance(parameters, dict) and list(map(str, parameters.values())) == [summary]):
        return ""
    if call.tool_name == "Bash" and isinstance(parameters, dict) and isinstance(parameters.get("command"), str):
        return plain(parameters["command"])
    return plain(json.dumps(parameters, ensure_ascii=False, indent=1))


def _change(change: phrases.Change, options: Options) -> _Change:
    return _Change(
        action=change.action,
        path=one_line(change.file_path or "", 400),
        lines=phrases.lines_changed(change.lines_added, change.lines_removed),
        patch=plain(change.patch) if change.patch and options.tools == "full" else "",
        left_out=quantities.counted(change.patch_left_out_lines, "line") if change.patch_left_out_lines else "",
    )
