"""`tracker search`: finds messages by their words, best match first."""

import html
import re
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from client.display import Quiet
from client.local_time import local_time, local_zone
from client.options import DEFAULT_URL, Token, Url, failures_as_exit_codes, server_at
from client.phrases import command
from client.questions.lists import Limit, Machine, Project, write
from client.questions.lookup import Item, get, machine_filter, pages, project_id, short_session_id
from client.questions.output import AsCsv, AsJson, console, format_of
from client.questions.period import Since, Until, Zone, period_of

FIELDS: Final = (
    "id",
    "session_id",
    "session_title",
    "project_id",
    "project_name",
    "user",
    "role",
    "timestamp",
    "model",
    "score",
    "content",
)
_MARKED: Final = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)
# Wider lines are hard to read.
_WIDTH: Final = 100
_SPEAKER: Final = {"user": "you", "assistant": "Claude"}


def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help='Words that must all be there; "a phrase", -not, or.')],
    project: Project = None,
    machine: Machine = None,
    since: Since = None,
    until: Until = None,
    role: Annotated[str | None, typer.Option("--role", metavar="user|assistant", help="Only what a person or Claude said.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Newest first, instead of best first.")] = False,
    limit: Limit = 10,
    tz: Zone = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Finds messages by their words.

    Each hit has its session, project, time and a snippet, best match first.
    """
    wanted, zone = format_of(as_json, as_csv), local_zone(tz)
    period = period_of(zone, since, until)
    with failures_as_exit_codes():
        server = server_at(url, token, Quiet())
        filters = {
            "q": _query(words),
            "project_id": project_id(server, project),
            "machine": machine_filter(server, machine),
            "role": role,
            "sort": "newest" if newest else None,
        }
        parameters = filters | period.parameters()
        found = list(pages(server, "/api/conversations/search", parameters, limit))
        if write(found, FIELDS, wanted):
            return
        total = get(server, "/api/conversations/search", parameters | {"limit": 1})
        out = console(most=_WIDTH)
        for hit in found:
            _show(out, hit, zone)
        out.print(_sentence(len(found), total))


def _query(words: list[str]) -> str:
    """One argument of several words was quoted in the shell: it is a phrase, unless it has the search's own signs."""
    if len(words) == 1:
        return words[0]
    return " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in words)


def _show(out: Console, hit: Item, zone: str) -> None:
    title = hit.get("session_title") or hit.get("project_name") or "Session"
    out.print(Text(" ".join(title.split()), style="bold"), no_wrap=True, overflow="ellipsis")
    facts = Text()
    if hit.get("session_title") and hit.get("project_name"):
        facts.append(f"{hit['project_name']}  ", style="cyan")
    facts.append(f"{_SPEAKER.get(hit['role'], hit['role'])}, {local_time(hit['timestamp'], zone) or 'no time'}", style="dim")
    out.print(facts)
    out.print(Padding(_snippet(hit["snippet"]), (0, 0, 0, 2)))
    if hit["session_id"]:
        out.print(Text(f"{command()} show {short_session_id(hit['session_id'])}", style="dim"), soft_wrap=True)
    out.print()


def _snippet(marked: str) -> Text:
    """HTML-escaped text with <mark>, as the terminal shows it."""
    text = Text()
    for index, part in enumerate(_MARKED.split(" ".join(marked.split()))):
        text.append(html.unescape(part), style="bold reverse" if index % 2 else "")
    return text


def _sentence(shown: int, answer: Item) -> str:
    total = answer["total"]
    if not total:
        return "Nothing found. All words must be in one message: try fewer words, or put `or` between them."
    of = f"{total:,}" if answer["total_is_exact"] else f"more than {total:,}"
    return f"{shown} of {of} hits." if shown < total else f"{shown} hits." if shown > 1 else "1 hit."
