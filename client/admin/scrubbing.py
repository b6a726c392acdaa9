"""Scrubs on the server: started, and followed to their end."""

import sys
from pathlib import Path
from typing import Any, Final

import typer

from client.errors import Failure
from client.http.server import Server
from shared.quantities import counted

Scrub = dict[str, Any]


def start(server: Server, wanted: dict[str, Any]) -> Scrub:
    """Starts a scrub and returns it. `wanted`: the body of POST /api/scrubs."""
    scrub: Scrub = server.ask("POST", "/api/scrubs", wanted)
    return scrub


def let_in(server: Server, scrub_id: str) -> str:
    """Ends that a scrub's texts are kept out. Gives the server's sentence."""
    return str(server.ask("DELETE", f"/api/scrubs/{scrub_id}/kept-out")["message"])


def texts_from(source: str | None, file: Path | None) -> list[str]:
    """The texts to scrub, one a line: of a file, of standard input, or typed without being shown. None of them is ever an argument.

    Failure for a file that cannot be read, and for no text at all.
    """
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(
                f"{file} cannot be read as text: {error.strerror if isinstance(error, OSError) else 'it is not UTF-8'}."
            ) from None
    elif source is None:
        return []
    elif sys.stdin.isatty():
        lines = [str(typer.prompt("Text to remove (it is not shown)", hide_input=True, confirmation_prompt="The same again"))]
    else:
        lines = sys.stdin.read().splitlines()
    texts = list(dict.fromkeys(line for line in lines if line.strip()))
    if not texts:
        raise Failure("There is no text to scrub: give one on each line.")
    return texts


_STATES: Final = {"queued": "waits for a worker", "running": "is running", "succeeded": "is done", "failed": "failed"}


def sentence(scrub: Scrub) -> str:
    """The state of a scrub, for a person."""
    secrets = ", ".join(f"{count:,} {kind}" for kind, count in sorted(scrub["redactions"].items())) or "none"
    changed = "would change" if scrub["dry_run"] else "changed"
    state = _STATES.get(scrub["status"], scrub["status"])
    lines = [
        f"The scrub {state}: {counted(scrub['rows_scanned'], 'row')} read, {scrub['rows_changed']:,} {changed}. Secrets found: {secrets}."
    ]
    if scrub["status"] == "failed":
        lines.append(scrub["failure"] or "See the worker's log, then scrub again.")
    if stores := _each(scrub["changed_in"]):
        lines.append(f"By store: {stores}.")
    if locks := _each(scrub["long_locks"]):
        lines.append(f"Large tables, with the seconds for which --rewrite-large would lock them: {locks}.")
    if scrub["status"] == "succeeded" and (remains := scrub["remains"]):
        lines += ["What it could not reach:", *(f"  {name}: {why}" for name, why in sorted(remains.items()))]
    return "\n".join(lines)


def _each(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(numbers.items()))
