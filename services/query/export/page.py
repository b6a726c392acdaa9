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

from services.query.database import Row
from services.query.export import phrases
from services.query.export.claude_markdown import as_html, diff_as_html
from services.query.export.options import Options
from services.query.export.plain_text import one_line, plain
from services.query.export.walk import Begin, End, Item, Step
from shared import quantities

_NOT_IN_AN_ANCHOR: Final = re.compile(r"[^A-Za-z0-9_.-]+")
# An entry that is longer is folded.
_MOST_OPEN: Final = 300


def as_page(session: Row, steps: Iterable[Step], options: Options) -> Iterator[str]:
    """The page piece by piece."""
    head = {"title": phrases.title(session), "facts": list(phrases.facts(session, options.zone)), "note": plain(session.get("note") or "")}
    yield _environment().get_template("head.html").render(head | {"style": Markup(_style()), "policy": page_policy()})  # noqa: S704
    macros = _macros()
    for step in steps:
        match step:
            case Begin(_, subagent):
                yield str(macros.subagent_begin(one_line(subagent["agent_id"], 60), phrases.subagent_line(subagent)))  # type: ignore[attr-defined]
            case End():
                yield str(macros.subagent_end())  # type: ignore[attr-defined]
            case Item(_, row):
                yield from _item(macros, row, options)
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


def _item(macros: Any, row: Row, options: Options) -> Iterator[str]:
    common = {
        "anchor": "i-" + _NOT_IN_AN_ANCHOR.sub("-", str(row["id"])),
        "time": phrases.local_time(row["timestamp"], options.zone),
        "iso_time": row["timestamp"].isoformat() if row["timestamp"] else "",
    }
    match row["kind"]:
        case "message" if row["content"].strip():
            yield str(macros.message(common, row["role"], plain(row["content"])))
        case "message":
            return
        case "tool_call":
            if options.tools != "none":
                yield str(macros.call(common, _call(row, options)))
        case "file_change":
            if options.tools != "none":
                yield str(macros.change(common, _change(row, options)))
        case "thinking":
            yield str(macros.thinking(common, plain(row["content"])))
        case "notice" if (row["details"] or {}).get("type") == "queued_prompt":
            yield str(macros.message(common, "user", plain(row["content"])))
        case kind:
            if options.tools != "none" or kind not in ("command_output", "notice"):
                name, content = phrases.entry(row)
                is_long = len(content) > _MOST_OPEN or "\n" in content.strip()
                yield str(macros.entry(common, name, plain(content).strip(), one_line(content, 120), is_long))


def _call(row: Row, options: Options) -> Row:
    parameters = phrases.parameters_of(row)
    summary = phrases.call_summary(parameters)
    shown = {
        "name": one_line(row["tool_name"], 100),
        "summary": summary,
        "outcome": phrases.outcome(row),
        "has_failed": row["result_status"] in ("error", "rejected", "timeout", "cancelled"),
        "details": " · ".join(phrases.details(row)),
        "is_full": options.tools == "full",
        "changes": [],
        "input": "",
        "result": "",
        "media": [],
    }
    if options.tools == "full":
        shown["changes"] = [_change(each, options) for each in row["changes"] if each["patch"]]
        shown["input"] = "" if shown["changes"] else _input(row, parameters, summary)
        shown["result"] = phrases.result_text(row["result"]).strip("\n") if row["result"] else ""
        shown["media"] = phrases.media(row["result"])
    return shown


def _input(row: Row, parameters: Any, summary: str) -> str:
    """What the line does not show already."""
    if not parameters or (isinstance(parameters, dict) and list(map(str, parameters.values())) == [summary]):
        return ""
    if row["tool_name"] == "Bash" and isinstance(parameters, dict) and isinstance(parameters.get("command"), str):
        return plain(parameters["command"])
    return plain(json.dumps(parameters, ensure_ascii=False, indent=1))


def _change(row: Row, options: Options) -> Row:
    return {
        "action": row["action"],
        "path": one_line(row["file_path"] or "", 400),
        "lines": phrases.lines_changed(row["lines_added"], row["lines_removed"]),
        "patch": plain(row["patch"]) if row["patch"] and options.tools == "full" else "",
        "left_out": quantities.counted(row["patch_left_out_lines"], "line") if row["patch_left_out_lines"] else "",
    }
