"""The checks of `tracker doctor` against the server, from the first connection to a query."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from client.connect.connecting import UNKNOWN_ROUTE
from client.connect.doctor.findings import Finding, failed, ok, skipped, warning
from client.connect.places import Places
from client.connect.round_trip import TEST_EVENT, NotArrived, machine_of, wait_for
from client.errors import Failure, Refused, Unreachable
from client.http.server import Server
from client.output.local_time import local_time
from shared.quantities import duration

# Sessions are put in order by the machine's clock; a few seconds matter to nobody.
_CLOCK_SECONDS: Final = 10
# Routes that a server may not have yet, a body of which it stores nothing, and what does not arrive without the route.
_SIGNALS: Final[tuple[tuple[str, object, str], ...]] = (
    ("/v1/logs", {"resourceLogs": []}, "exact durations and refusals"),
    ("/api/readings", [], "limits and states of processes"),
)
_SHOWN_NAMES: Final = 3
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404


def check_reachable(server: Server) -> Finding:
    """Something answers at the address, as a tracker does."""
    step = "Server"
    try:
        server.ask("GET", "/healthz")
    except Failure as error:
        text, _, cure = str(error).partition(". ")
        return failed(step, text, cure or "Start it with `make up` in its folder, or name another with --url.")
    return ok(step, server.url)


def check_clock(server: Server) -> Finding:
    """This machine's clock and the server's agree."""
    step = "Clock"
    try:
        there = parsedate_to_datetime(server.server_time() or "").astimezone(UTC)
    except Failure as error:
        return skipped(step, f"no answer ({error})")
    except ValueError:
        return skipped(step, "the server does not tell its time")
    apart = (datetime.now(UTC) - there).total_seconds()
    if abs(apart) > _CLOCK_SECONDS:
        ahead = "ahead of" if apart > 0 else "behind"
        return failed(
            step,
            f"{duration(abs(apart) * 1_000)} {ahead} the server's",
            "Let a time service set the clocks of both machines (`timedatectl set-ntp true`).",
        )
    return ok(step, "agrees with the server's")


def check_version(server: Server, own: str) -> Finding:
    """The server is of this version, and knows live capture."""
    step = "Server version"
    try:
        about = server.ask("GET", "/openapi.json")
    except Failure as error:
        return skipped(step, str(error))
    version = about.get("info", {}).get("version")
    if "/api/hooks" not in about.get("paths", {}):
        return failed(step, f"{version} knows no live capture", "Upgrade the server (docs/how-to/upgrade.md).")
    if version != own:
        return warning(step, f"{version}, and `tracker` is {own}", "Upgrade the older of the two.")
    return ok(step, str(version))


def check_key(server: Server) -> Finding:
    """The server takes events with the configured key."""
    step = "API key"
    try:
        server.ask("POST", "/api/hooks", {"hook_event_name": TEST_EVENT, "session_id": "tracker-doctor"})
    except Refused as error:
        if error.status == _UNAUTHORIZED:
            return failed(
                step, "the server refuses it", "Make a new one (`tracker keys create --scope ingest`), and `tracker connect --token KEY`."
            )
        if error.status == _FORBIDDEN:
            return failed(step, f"it may not send: {error}", "Make one with the scope `ingest`, and `tracker connect --token KEY`.")
        if error.status == _NOT_FOUND:
            return failed(step, "the server knows no live capture", "Upgrade the server (docs/how-to/upgrade.md).")
        return failed(step, str(error), "See the server's log.")
    except Unreachable as error:
        return failed(step, str(error), "Run `tracker doctor` again.")
    return ok(step, "may send events")


def check_signals(server: Server) -> Finding:
    """The server takes what goes beside hooks and transcripts. An older one takes all but that."""
    step = "Telemetry and readings taken"
    refusals = [(path, tells, _refusal(server, path, nothing)) for path, nothing, tells in _SIGNALS]
    unknown = [(path, tells) for path, tells, refusal in refusals if refusal is not None and refusal.status in UNKNOWN_ROUTE]
    if unknown:
        missing, untold = (" and ".join(words) for words in zip(*unknown, strict=True))
        return warning(
            step,
            f"the server has no {missing}, so {untold} do not arrive",
            "Upgrade the server (docs/how-to/upgrade.md). The shipper tries it again when it is started next.",
        )
    for path, _, refusal in refusals:
        if refusal is not None and refusal.status == _FORBIDDEN:
            return warning(step, f"{path} is not for this key: {refusal}", "Make one with the scope `ingest` that is bound to no project.")
    return ok(step, "by the server")


def _refusal(server: Server, path: str, nothing: object) -> Refused | None:
    """Why the server does not take it. An error of the body is not a refusal: it knows the route."""
    try:
        server.ask("POST", path, nothing)
    except Refused as refusal:
        return refusal
    except Unreachable:
        # The steps before and behind this one tell it.
        return None
    return None


def check_machine(places: Places, server: Server, zone: str) -> Finding:
    """The server lists this machine. `zone` is that of the time it was last heard of."""
    step = "Machine"
    machine = machine_of(places, server)
    if machine is None:
        return skipped(step, "this key may not list machines")
    if not machine:
        return failed(step, "the server does not list this machine", "Run `tracker ship --once`; its report makes it known.")
    return ok(step, f"{machine.get('name')}, last heard of {local_time(machine.get('last_heard_at'), zone)}")


def check_formats(server: Server) -> Finding:
    """The server reads, or leaves out by name, all that Claude Code writes."""
    step = "Formats"
    try:
        versions = server.ask("GET", "/api/formats")["versions"]
    except Refused as error:
        missing = error.status == _NOT_FOUND
        return skipped(step, "the server is older and does not count them" if missing else "this key may not read what the server counts")
    except Unreachable as error:
        return skipped(step, str(error))
    if not versions:
        return ok(step, "nothing came that the server does not know")
    newest = versions[0]
    names = [f"{each['kind'].replace('_', ' ')} {each['name']}" for each in newest["unread"]]
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return warning(
        step,
        f"of Claude Code {newest['version']} the server does not read {', '.join(names[:_SHOWN_NAMES])}{more}",
        "Upgrade the server: what transcripts have is kept, and `tracker reparse` reads it with the newer version.",
    )


def check_round_trip(places: Places, server: Server, spooled: list[Path], before: dict[str, Any] | None, wait_seconds: float) -> Finding:
    """The test event of the hook has reached a query."""
    step = "Round trip"
    try:
        arrived = wait_for(places, server, spooled, before, wait_seconds)
    except NotArrived as error:
        text, _, cure = str(error).partition(": ")
        return failed(step, text, f"Repair this: {cure}" if cure else "Look at the steps above.")
    return ok(step, f"a test event came through in {duration(arrived.seconds * 1_000)}")
