"""`tracker search`: finds what was said and done, best match first."""

import html
import re
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from client.http.server import Server
from client.options import At, own_name
from client.output.console import Console, Indented, console
from client.output.local_time import local_time
from client.output.terminal import write_json
from client.phrases import command
from client.questions.filters import Filters, Machine, Project, Repository, User
from client.questions.lists import Limit, write
from client.questions.lookup import Item, answers, label_rows, short_session_id
from client.questions.output import Format, Output
from client.questions.period import Days
from shared.quantities import counted

PATH: Final = "/api/search"
# The most that the API gives at once.
PAGE: Final = 200
FIELDS: Final = (
    "kind", "id", "session_id", "session_title", "project_id", "project_name", "user", "role", "tool_name", "is_error", "path", "timestamp",
    "score", "content",
)  # fmt: skip
SESSION_FIELDS: Final = ("session_id", "session_title", "project_id", "project_name", "user", "hits")
_MARKED: Final = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)
# Wider lines are hard to read.
_WIDTH: Final = 100
_KINDS: Final = "message|command|input|result|file|session"
# Texts that were just brought can be found a second or two later.
_WAIT_SECONDS: Final = 3.0
# A page without a hit is one for which the server has looked at much.
_MOST_FRUITLESS: Final = 10
_NOTHING: Final = "Nothing found. Try fewer words or filters, or --literal for parts of words; `{} sessions` lists all."


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help='Words that must all be there; "a phrase", -not, or; project:shop is:error.')
    ],
    project: Project = None,
    in_group: Annotated[str | None, typer.Option("--in-group", metavar="GROUP", help="Only projects of this group.")] = None,
    repository: Repository = None,
    user: User = None,
    machine: Machine = None,
    days: Days = Days(),
    role: Annotated[str | None, typer.Option("--role", metavar="user|assistant", help="Only what a person or Claude said.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar=_KINDS, help="Only what was said, given to a tool, given back …")] = None,
    literal: Annotated[bool, typer.Option("--literal", help="The text as it stands, anywhere: parts of words, signs.")] = False,
    regex: Annotated[bool, typer.Option("--regex", help="A regular expression, as RE2 has them, without back references.")] = False,
    case: Annotated[bool, typer.Option("--case", help="With --literal and --regex: upper and lower case are different.")] = False,
    group: Annotated[str | None, typer.Option("--group", metavar="session", help="Sessions, each with its best matches.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Newest first, instead of best first.")] = False,
    limit: Limit = 10,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Finds what was said and done: texts, results, paths, notes.

    Each hit has its session, project, time and a snippet, best match first. Below are sessions that may be meant: those with any of the words.
    """
    if literal and regex:
        raise typer.BadParameter("--literal and --regex exclude each other")
    wanted, zone = form.format, days.zone
    period = days.period()
    server = at.server()
    filters = {
        "q": " ".join(words) if literal or regex else _query(words),
        "mode": "literal" if literal else "regex" if regex else None,
        "case": "true" if case else None,
        **Filters(project, in_group, repository, user, machine).of(server),
        "role": role,
        "kind": kind,
        "group_by": group,
        "sort": "newest" if newest else None,
        "include_content": "true" if wanted is not Format.TABLE else None,
    }
    answer = _answer_when_searchable(server, filters | period.parameters(), limit)
    found: list[Item] = answer["sessions" if group else "items"]
    if wanted is Format.JSON:
        write_json(answer)
    elif not write(found, SESSION_FIELDS if group else FIELDS, wanted):
        meant = _meant(answer, found)
        label_rows(server, [item for each in (*found, *meant) for item in (each, *each.get("items", ()))])
        _show(console(most=_WIDTH), answer, found, meant, zone, is_grouped=group is not None)


def _answer_when_searchable(server: Server, parameters: Mapping[str, Any], most: int) -> Item:
    """Waits a moment if less is found than there is room for, and new rows are not searchable yet."""
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        answer = _answer(server, parameters, most)
        is_enough = len(answer["sessions" if parameters["group_by"] else "items"]) >= most
        if is_enough or not answer["pending_documents"] or time.monotonic() > until:
            return answer
        time.sleep(0.3)


def _meant(answer: Item, found: list[Item]) -> list[Item]:
    """The sessions that may be meant, but for those of the hits."""
    shown = {each.get("session_id") for each in found}
    return [each for each in (answer.get("ranked") or {}).get("sessions", ()) if each["session_id"] not in shown]


def _answer(server: Server, parameters: Mapping[str, Any], most: int) -> Item:
    """The first page, with the items of those behind it."""
    name = "sessions" if parameters["group_by"] else "items"
    read = answers(server, PATH, parameters, most, page=PAGE, name=name)
    first = next(read)
    fruitless = 0
    for page in read:
        first[name] += page[name]
        first |= {name: page[name] for name in ("is_complete", "next_cursor")}
        fruitless = 0 if page[name] else fruitless + 1
        if fruitless == _MOST_FRUITLESS:
            break
    return first


def _query(words: list[str]) -> str:
    """One argument of several words was quoted in the shell: it is a phrase, unless it has the search's own signs."""
    if len(words) == 1:
        return words[0]
    return " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in words)


def _show(out: Console, answer: Item, found: list[Item], meant: list[Item], zone: str, *, is_grouped: bool) -> None:
    for item in found:
        (_show_session if is_grouped else _show_hit)(out, item, zone)
    out.print(_sentence(len(found), len(meant), answer, is_grouped))
    if meant:
        out.print(Text("\nSessions that may be meant\n", style="bold"))
    for session in meant:
        # More would take the hits out of sight.
        _show_session(out, session | {"items": session["items"][:1]} if found else session, zone)
    for note in _notes(answer):
        out.print(Text(note, style="dim"))


def _notes(answer: Item) -> Iterator[str]:
    ranked = answer.get("ranked") or {}
    for typed, near in ranked.get("corrected", {}).items():
        yield f"No session has {typed!r}; searched {near!r} instead."
    yield from answer["hints"]
    if answer["pending_documents"]:
        yield f"{counted(answer['pending_documents'], 'new row')} not searched yet: try again in a moment."
    if ranked and (ranked["waiting_sessions"] or not ranked["is_ready"]):
        why = "What is new is not among the ranked sessions yet" if ranked["is_ready"] else "The index of sessions is being built"
        yield f"{why}: {counted(ranked['waiting_sessions'], 'session')} to go."
    if not answer["is_complete"]:
        yield answer["incomplete_because"] or "Not everything was looked at."


def _show_session(out: Console, session: Item, zone: str) -> None:
    _show_title(out, session)
    facts = Text()
    if session["session_title"] and session["project_name"]:
        facts.append(f"{session['project_name']}  ", style="cyan")
    about = counted(session["hits"], "hit") if "hits" in session else f"{session['user'] or ''}  {local_time(session['timestamp'], zone)}"
    out.print(facts.append(about.strip(), style="dim"))
    for hit in session["items"]:
        out.print(Indented(Text(_who(hit, zone), style="dim"), 2))
        out.print(Indented(_snippet(hit["snippet"]), 4))
    _show_command(out, session)


def _show_hit(out: Console, hit: Item, zone: str) -> None:
    _show_title(out, hit)
    facts = Text()
    if hit.get("session_title") and hit.get("project_name"):
        facts.append(f"{hit['project_name']}  ", style="cyan")
    out.print(facts.append(_who(hit, zone), style="dim"))
    out.print(Indented(_snippet(hit["snippet"]), 2))
    _show_command(out, hit)


def _show_title(out: Console, item: Item) -> None:
    title = item.get("session_title") or item.get("project_name") or "Session"
    out.print(Text(" ".join(title.split()), style="bold"), no_wrap=True, overflow="ellipsis")


def _show_command(out: Console, item: Item) -> None:
    if item["session_id"]:
        out.print(Text(f"{command()} show {short_session_id(item['session_id'])}", style="dim"), soft_wrap=True)
    out.print()


def _who(hit: Item, zone: str) -> str:
    at = local_time(hit["timestamp"], zone) or "no time"
    match hit["kind"]:
        case "message":
            who = _speaker(hit)
        case "tool_call":
            who = f"{hit['tool_name']} {'failed' if hit['is_error'] else ' and '.join(hit['matched_in'])}"
        case "session":
            who = " and ".join(hit["matched_in"])
        case kind:
            who = kind.replace("_", " ")
    return f"{who}, {at}"


def _speaker(hit: Item) -> str:
    """`Claude`, `you`, or who else wrote the prompt, as an admin may find it."""
    if hit["role"] == "user":
        return hit["user"] if hit["user"] not in (None, own_name()) else "you"
    return "Claude" if hit["role"] == "assistant" else hit["role"]


def _snippet(marked: str) -> Text:
    """HTML-escaped text with <mark>, as the terminal shows it."""
    text = Text()
    for index, part in enumerate(_MARKED.split(" ".join(marked.split()))):
        text.append(html.unescape(part), style="bold reverse" if index % 2 else "")
    return text


def _sentence(shown: int, meant: int, answer: Item, is_grouped: bool) -> str:
    total = answer["total"]
    if not total and not shown and answer["is_complete"]:
        return "No exact match." if meant else _NOTHING.format(command())
    if is_grouped:
        return f"{counted(shown, 'session')}."
    of = f"{total:,}" if answer["total_is_exact"] else f"at least {total:,}"
    return f"{shown} of {of} hits." if shown < total else f"{counted(shown, 'hit')}."
