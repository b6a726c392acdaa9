"""`tracker doctor`: every step from the hook to a query, in order; each failure with its cure."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typer

from client.connect.claude_program import find_claude
from client.connect.doctor import machine_checks, server_checks
from client.connect.doctor.findings import SIGNS, Finding, failed, ok, skipped
from client.connect.places import Places
from client.connect.round_trip import NotArrived, machine_of, spool
from client.errors import DONE, FAILED
from client.http.server import Server
from client.output.local_time import local_zone
from client.version import version
from shared.quantities import counted, plural

_HOOK_STEP: Final = "Hook runs"
_SIGNALS_STEP: Final = "Telemetry and readings taken"
_SERVER_STEPS: Final = ("Server version", "Clock", "API key", _SIGNALS_STEP, "Machine", "Round trip", "Formats")


def examine(places: Places, server: Server, folder: Path, wait_seconds: float) -> Iterator[Finding]:
    """The findings, each as soon as it is known. `folder`: where the person is; its settings count too."""
    claude = find_claude(places.environment)
    yield machine_checks.check_claude(claude)
    yield machine_checks.check_switches(places, folder)
    yield machine_checks.check_hooks(places, folder, claude)
    yield machine_checks.check_telemetry(places, folder)
    yield machine_checks.check_status_line(places, folder)
    yield machine_checks.check_trust(places, folder)
    yield machine_checks.check_config(places)
    yield machine_checks.check_command(places)
    yield machine_checks.check_spool(places)
    yield machine_checks.check_shipper(places)
    yield machine_checks.check_sweep(places)
    yield machine_checks.check_wsl(places.environment)
    reachable = server_checks.check_reachable(server)
    yield reachable
    before = machine_of(places, server) if reachable.status == "ok" else None
    try:
        spooled = spool(places)
        yield ok(_HOOK_STEP, f"and wrote into {places.spool}")
    except NotArrived as error:
        spooled = None
        yield failed(_HOOK_STEP, str(error), "Run `tracker connect`.")
    if reachable.status != "ok":
        yield from (skipped(step, "the server does not answer") for step in _SERVER_STEPS)
        return
    yield server_checks.check_version(server, version())
    yield server_checks.check_clock(server)
    key = server_checks.check_key(server)
    yield key
    yield (
        skipped(_SIGNALS_STEP, "the server does not take events with this key")
        if key.status == "failed"
        else server_checks.check_signals(server)
    )
    if spooled is None:
        yield skipped("Round trip", "the hook does not run")
    elif key.status == "failed":
        yield skipped("Round trip", "the server does not take events with this key")
    else:
        yield server_checks.check_round_trip(places, server, spooled, before, wait_seconds)
    yield server_checks.check_machine(places, server, local_zone())
    yield server_checks.check_formats(server)


def doctor(places: Places, server: Server, folder: Path, *, wait_seconds: float, as_json: bool) -> int:
    """Writes the findings. The exit code: 1 if a step failed."""
    findings = []
    for finding in examine(places, server, folder, wait_seconds):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{SIGNS[finding.status]} {finding.step}: {finding.text}")
            if finding.cure is not None:
                typer.echo(f"    {finding.cure}")
    failures = [finding for finding in findings if finding.status == "failed"]
    if as_json:
        typer.echo(json.dumps({"is_well": not failures, "steps": [asdict(each) for each in findings]}, indent=2))
    else:
        typer.echo(conclusion(findings))
    return FAILED if failures else DONE


def conclusion(findings: Sequence[Finding]) -> str:
    """The last line, which says no more than the lines above it."""
    number = Counter(finding.status for finding in findings)
    if number["failed"]:
        return f"{number['failed']} of {len(findings)} steps failed."
    if number["warning"]:
        return f"No step failed; {counted(number['warning'], 'step')} marked with ! {plural(number['warning'], 'needs', 'need')} a look."
    return "All steps work."
