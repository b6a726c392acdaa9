"""A session's outcome, as `tracker show` opens with it: ask, answer, commits, tests, files, failures, and why it cost what it cost."""

from collections.abc import Iterator
from datetime import date
from typing import Final
from urllib.parse import quote

from rich.table import Table
from rich.text import Text

from client.http.server import Server
from client.output.console import Console
from client.output.terminal import one_line
from client.questions import cells
from client.questions.lookup import Item, get
from shared import quantities
from shared.quantities import counted, day_text
from shared.terms import error_class_label, terms

_MOST_TESTS: Final = 5
_MOST_FILES: Final = 8
_MOST_REBUILDS: Final = 3
_ASK_CHARACTERS: Final = 300
_ANSWER_CHARACTERS: Final = 500
# A smaller share does not explain a cost.
_LEAST_SHARE: Final = 0.05
_HOUR_SECONDS: Final = 3600


def outcome_of(server: Server, session_id: str, zone: str) -> Item:
    """The server's answer. The days in it are those of the zone."""
    found: Item = get(server, f"/api/sessions/{quote(session_id, safe='')}/outcome", {"tz": zone})
    return found


def write_outcome(out: Console, found: Item) -> None:
    """Nothing of what there is none of."""
    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, lines in (
        ("Asked", _text(found["ask"], _ASK_CHARACTERS)),
        ("Answered", _text(found["answer"], _ANSWER_CHARACTERS)),
        ("Made", made(found)),
        ("Tests", _tests(found)),
        ("Files", _files(found)),
        ("Failed", map(Text, failures(found))),
        ("Cost", _cost(found["cost"])),
        ("Days", _days(found)),
    ):
        for number, line in enumerate(lines):
            shown.add_row("" if number else name, line)
    if shown.row_count:
        out.print(shown)
    else:
        out.print("Nothing came of it: none of its events is stored.")


def _text(told: Item | None, most: int) -> Iterator[Text]:
    if told is not None:
        yield Text(cells.cut(one_line(told["text"]), most))


def made(found: Item) -> Iterator[Text]:
    """The commits and pull requests of a session, or of its share in a day."""
    for commit in found["commits"]:
        yield Text("✓ ", style="green").append(
            f"commit {commit['hash'] or ''} {one_line(commit['subject'] or '')}".replace("  ", " "), style="default"
        )
    for pull_request in found["pull_requests"]:
        yield Text("✓ ", style="green").append(one_line(pull_request["url"] or "pull request"), style="default")


def failures(found: Item) -> Iterator[str]:
    """One line that names the kinds of failures, if there are any."""
    if kinds := found["failures"]:
        yield one_line(
            ", ".join(f"{each['tool_name']} {error_class_label(each['error_class'] or 'error')} ×{each['calls']:,}" for each in kinds)
        )


def _tests(found: Item) -> Iterator[Text]:
    marks = {"passed": ("✓ ", "green"), "failed": ("✗ ", "red"), "unknown": ("? ", "yellow")}
    for ran in found["tests"][:_MOST_TESTS]:
        mark, style = marks[ran["last_result"]]
        yield Text(mark, style=style).append(f"{one_line(ran['command'])}: {_how_it_ended(ran)}", style="default")
    if (more := len(found["tests"]) + found["tests_left_out"] - _MOST_TESTS) > 0:
        yield Text(f"and {counted(more, 'earlier command')} that ran tests", style="dim")


def _how_it_ended(ran: Item) -> str:
    ended = "nothing says how it ended" if ran["last_result"] == "unknown" else ran["last_result"]
    if ran["passed"] is not None:
        ended = ", ".join(filter(None, (f"{ran['failed']:,} failed" if ran["failed"] else "", f"{ran['passed']:,} passed")))
    before = f", {ran['failed_runs']:,} of them failed" if ran["failed_runs"] else ""
    return ended if ran["runs"] == 1 else f"{ended} (last of {ran['runs']:,} runs{before})"


def _files(found: Item) -> Iterator[Text]:
    shown = found["files"][:_MOST_FILES]
    for file in shown:
        yield Text(f"{one_line(file['file_path'] or 'a file without a name')} {cells.lines(file['lines_added'], file['lines_removed'])}")
    if (more := len(found["files"]) - len(shown) + found["files_left_out"]) > 0:
        yield Text(f"and {counted(more, 'more file')}", style="dim")


def _cost(cost: Item) -> Iterator[Text]:
    if not cost["api_calls"]:
        return
    yield Text(f"{cells.usd(cost['cost_usd'], cost['unpriced_calls'])}{_parts(cost['parts'])}", style="cyan")
    if len(cost["models"]) > 1:
        by_model = (
            f"{one_line(each['model'] or 'a model without a name')} {cells.usd(each['cost_usd'], each['unpriced_calls'])}"
            for each in cost["models"]
        )
        yield Text(f"by model: {', '.join(by_model)}")
    if cost["subagents_usd"]:
        yield Text(f"subagents: {cells.usd(cost['subagents_usd'])} of it")
    if rebuilds := cost["rebuilds"]:
        number = len(rebuilds) + cost["rebuilds_left_out"]
        price = "" if cost["rebuilds_usd"] is None else f" cost {cells.usd(cost['rebuilds_usd'])}"
        yield Text(f"{counted(number, 'rebuild')} of the cache{price}" + (", of which the greatest:" if number > _MOST_REBUILDS else ":"))
        for rebuild in rebuilds[:_MOST_REBUILDS]:
            yield Text(f"  turn {rebuild['turn']:,}: {_rebuild(rebuild)}")
    if told := _client_cache(cost["client_cache"]):
        yield Text(told)


def _parts(parts: Item | None) -> str:
    """`: 61 % reading the cache, 22 % writing the cache, 15 % output`"""
    total = sum((parts or {}).values())
    if not parts or total <= 0:
        return ""
    telling = sorted((name for name in parts if parts[name] >= _LEAST_SHARE * total), key=lambda name: -parts[name])
    return ": " + ", ".join(f"{quantities.percent(parts[name] / total)} {terms().cost_parts[name].label}" for name in telling)


def _rebuild(rebuild: Item) -> str:
    kept = "1 h" if rebuild["cache_seconds"] >= _HOUR_SECONDS else "5 min"
    cause = terms().rebuild_causes[rebuild["cause"]].format(pause=quantities.duration(rebuild["pause_seconds"] * 1_000), kept=kept)
    price = "" if rebuild["cost_usd"] is None else f" for {cells.usd(rebuild['cost_usd'])}"
    whose = "" if rebuild["agent_id"] is None else "a subagent's "
    return f"{whose}{cells.large(rebuild['rewritten_tokens'])} tokens were written to the cache again{price}, {cause}"


def _client_cache(cache: Item | None) -> str:
    """`Claude Code counted 3 misses of the cache in 41 calls, the last since: tools changed`; empty if it counted none."""
    if cache is None or cache["misses"] is None or cache["requests"] is None:
        return ""
    causes = ", ".join(cause.replace("_", " ") for cause in cache["last_miss_causes"])
    why = f", the last since: {one_line(causes)}" if causes else ""
    return f"Claude Code counted {counted(cache['misses'], 'miss', 'misses')} of the cache in {counted(cache['requests'], 'call')}{why}"


def _days(found: Item) -> Iterator[Text]:
    if len(found["days"]) + found["days_left_out"] < 2:
        return
    for day in found["days"]:
        numbers = (
            quantities.minutes(day["active_minutes"]),
            counted(day["asks"], "ask"),
            counted(day["tool_calls"], "tool call"),
            cells.usd(day["cost_usd"]),
        )
        yield Text(f"{day_text(date.fromisoformat(day['date']))}  {' · '.join(numbers)}")
    if left_out := found["days_left_out"]:
        yield Text(f"and {counted(left_out, 'more day')}", style="dim")
