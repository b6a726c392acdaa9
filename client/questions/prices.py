"""`tracker prices`: what tokens cost, by model; sets prices of one's own, and prices stored calls anew."""

from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from client.errors import Failure, Refused
from client.http.follow import follow
from client.http.server import Server
from client.options import AsJson, At, write_end
from client.output.console import Console
from client.output.display import display_for
from client.output.local_time import UTC, local_zone, short_time, today_in
from client.output.tables import headed_table
from client.output.terminal import write_json
from client.phrases import command
from client.questions.lists import show_table
from client.questions.output import Column, Row
from shared.prices import Tier
from shared.quantities import counted

PATH: Final = "/api/prices"
_SOURCES: Final = {"list": "", "file": "TRACKER_PRICES", "api": "set here"}

app = typer.Typer(help="Shows and sets prices, and prices stored calls anew.")

Pattern = Annotated[str, typer.Argument(metavar="MODEL", help="The name of a model, or a pattern in which * stands for any text.")]
Fast = Annotated[bool, typer.Option("--fast", help="For Claude Code's fast mode.")]
Above = Annotated[int, typer.Option("--above", metavar="TOKENS", help="Only of calls with more input tokens than these.", min=0)]
From = Annotated[
    datetime | None, typer.Option("--from", metavar="DAY", formats=["%Y-%m-%d"], help="From this day on, UTC. Default: always.")
]


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    show_all: Annotated[bool, typer.Option("--all", help="Former prices of the list too.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Shows the prices in use, in US dollars for a million tokens, and models that have none."""
    if context.invoked_subcommand is not None:
        return
    server = at.server()
    found = server.ask("GET", PATH)
    unpriced = _unpriced(server)
    if as_json:
        write_json(found | {"unpriced_models": [{"model": each["model"], "api_calls": each["unpriced_calls"]} for each in unpriced]})
        return
    _write_prices(found["items"] if show_all else _of_today(found["items"]))
    _write_unpriced(unpriced)


@app.command("set")
def set_price(
    model: Pattern,
    input_usd: Annotated[float, typer.Option("--input", metavar="USD", help="For a million tokens of input.", min=0)],
    output_usd: Annotated[float, typer.Option("--output", metavar="USD", help="For a million tokens of output.", min=0)],
    cache_write: Annotated[
        float | None, typer.Option(metavar="USD", help="Written to the cache. Default: 1.25 times the input.", min=0)
    ] = None,
    cache_write_hour: Annotated[
        float | None, typer.Option(metavar="USD", help="The same for an hour. Default: twice the input.", min=0)
    ] = None,
    cache_read: Annotated[
        float | None, typer.Option(metavar="USD", help="Read from the cache. Default: a tenth of the input.", min=0)
    ] = None,
    web_search: Annotated[float | None, typer.Option(metavar="USD", help="A thousand web searches. Default: 10.", min=0)] = None,
    is_fast: Fast = False,
    above: Above = 0,
    valid_from: From = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Sets a price of your own. It comes before the list from the next call on."""
    price = {
        "model": model,
        "input": input_usd,
        "output": output_usd,
        "cache_write_5m": cache_write,
        "cache_write_1h": cache_write_hour,
        "cache_read": cache_read,
        "web_search": web_search,
        "tier": "fast" if is_fast else "standard",
        "above_input_tokens": above,
        "valid_from": valid_from and valid_from.date().isoformat(),
    }
    answer = at.server().ask("PUT", PATH, price)
    if as_json:
        write_json(answer)
        return
    typer.echo(f"{model} costs {_usd(answer['input'])} for input and {_usd(answer['output'])} for output from the next call on.")
    typer.echo(f"`{command()} prices reprice --dry-run` says what that changes in stored calls.")


@app.command("unset")
def unset_price(
    model: Pattern, is_fast: Fast = False, above: Above = 0, valid_from: From = None, as_json: AsJson = False, at: At = At()
) -> None:
    """Takes a price back that was set here. Then the next wider one counts, or the list."""
    server = at.server()
    wanted = ("api", model, "fast" if is_fast else "standard", above, valid_from and valid_from.date().isoformat())
    found = [price for price in server.ask("GET", PATH)["items"] if _key(price) == wanted]
    if not found:
        raise Failure(f"No such price is set; `{command()} prices` shows those that are. Those of TRACKER_PRICES are in its file.")
    answer = server.ask("DELETE", f"{PATH}/{found[0]['id']}")
    write_json(answer) if as_json else typer.echo(
        f"The price is taken back. `{command()} prices reprice --dry-run` says what that changes in stored calls."
    )


@app.command()
def reprice(
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="Only calls of these: a name, or a pattern with *.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option("--from", metavar="DAY", formats=["%Y-%m-%d"], help="Only calls from this day on, local time.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", metavar="DAY", formats=["%Y-%m-%d"], help="Only calls before this day, local time.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, by model, and change nothing.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Prices stored calls by the prices of today, with every sum, and waits for it."""
    wanted = {"model": model, "dry_run": dry_run, "from_at": _begin_of(start), "to_at": _begin_of(end)}
    display = display_for(is_quiet=as_json)
    server = at.server(display)
    started = server.ask("POST", "/api/reprice", wanted)
    reprice_id = started["reprice_id"]
    ended = follow(
        server,
        f"/api/reprices/{reprice_id}",
        f"The run {reprice_id}",
        lambda seen: display.note(f"It has looked at {counted(seen['calls'], 'call')}."),
    )
    write_end(ended, _write_reprice, as_json=as_json)


def _unpriced(server: Server) -> list[dict[str, Any]]:
    """Models with calls that have no price. A key of several users cannot ask for all of them at once; then none."""
    try:
        found = server.ask("GET", "/api/usage?group_by=model")["items"]
    except Refused as refused:
        if refused.status not in (400, 403):
            raise
        return []
    return [each for each in found if each["unpriced_calls"]]


def _begin_of(day: datetime | None) -> str | None:
    return None if day is None else day.replace(tzinfo=ZoneInfo(local_zone())).isoformat()


def _key(price: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(price[name] for name in ("source", "model", "tier", "above_input_tokens", "valid_from"))


def _of_today(prices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without prices of the list that later ones have replaced, or that begin later."""
    today = today_in(UTC).isoformat()
    newest: dict[str, str] = {}
    for price in prices:
        if price["source"] == "list" and (price["valid_from"] or "") <= today:
            newest[price["model"]] = max(newest.get(price["model"], ""), price["valid_from"] or "")
    return [price for price in prices if price["source"] != "list" or (price["valid_from"] or "") == newest.get(price["model"])]


def _write_prices(prices: list[dict[str, Any]]) -> None:
    show_table(prices, _COLUMNS, "No prices are known: no worker has started yet.")
    if prices:
        typer.echo("US dollars for a million tokens.")


def _tier(price: Row) -> str:
    tier: Tier | str = "" if price["tier"] == "standard" else price["tier"]
    above = f"> {price['above_input_tokens']:,} tokens" if price["above_input_tokens"] else ""
    return " ".join(filter(None, (tier, above)))


def _source(price: Row) -> str:
    if price["is_overridden"]:
        return "not used, see above"
    if price["source"] == "list":
        return str(price["version"])
    return f"{_SOURCES[price['source']]}, {short_time(price['changed_at'], local_zone())}"


_COLUMNS: Final = (
    Column("Model", lambda row: row["model"], right=False, least=12),
    Column("Tier", _tier, right=False, least=6),
    Column("Input", lambda row: f"{row['input']:g}"),
    Column("Output", lambda row: f"{row['output']:g}"),
    Column("Write", lambda row: f"{row['cache_write_5m']:g}", rank=2),
    Column("Write 1 h", lambda row: f"{row['cache_write_1h']:g}", rank=4),
    Column("Read", lambda row: f"{row['cache_read']:g}", rank=1),
    Column("From", lambda row: row["valid_from"] or "", rank=5, right=False),
    Column("Source", _source, rank=3, right=False, least=12),
)


def _write_unpriced(unpriced: list[dict[str, Any]]) -> None:
    if unpriced:
        named = ", ".join(f"{each['model'] or 'no model'} ({counted(each['unpriced_calls'], 'call')})" for each in unpriced)
        Console().print(Text(f"Without a price: {named}."))


def _write_reprice(run: dict[str, Any]) -> None:
    console = Console()
    if run["status"] == "failed":
        console.print(Text(f"The run failed. {run['failure'] or 'See the log of the worker, and start it again.'}"))
    changed = [each for each in run["models"] if each["changed_calls"]]
    if not changed:
        console.print(f"No call {'would cost' if run['dry_run'] else 'costs'} anything else.")
    else:
        console.print("What would change:" if run["dry_run"] else "What changed:")
        table = headed_table("Model", "Calls", "Sessions", "Before", "Now", right={"Calls", "Sessions", "Before", "Now"})
        for each in changed:
            numbers = (f"{each[name]:,}" for name in ("changed_calls", "changed_sessions"))
            table.add_row(Text(each["model"] or "no model"), *numbers, _usd(each["old_usd"]), _usd(each["new_usd"]))
        console.print(table)
    for name, what in (
        ("unpriced_calls", "still have no price"),
        ("dropped_calls", "are of sessions that retention has dropped, and keep their cost"),
    ):
        if number := sum(each[name] for each in run["models"]):
            console.print(f"{counted(number, 'call')} {what}.", style="dim")


def _usd(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"
