"""`tracker scrub`: removes secrets and given texts from what is stored."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from client.errors import Failure
from client.http.follow import follow
from client.options import AsJson, At, uuid_or_none, write_end
from client.output.display import display_for
from client.output.terminal import write_json
from shared.quantities import counted

Scrub = dict[str, Any]


def scrub(
    is_waiting: Annotated[bool, typer.Option("--wait", "--watch", help="Wait until it is done, and show its progress.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would change, change nothing.")] = False,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="-", help="`-`: remove these texts, one a line of standard input, or typed without being shown."),
    ] = None,
    text_file: Annotated[Path | None, typer.Option("--text-file", help="Remove the texts of this file, one a line.")] = None,
    keep_out: Annotated[
        bool, typer.Option("--keep-out/--no-keep-out", help="Replace the texts from now on wherever data comes in.")
    ] = True,
    rewrite_large: Annotated[
        bool,
        typer.Option("--rewrite-large", help="Write large tables anew too, which nobody can use meanwhile; --dry-run tells for how long."),
    ] = False,
    delete_uploads: Annotated[bool, typer.Option("--delete-uploads", help="Delete the uploads of failed imports.")] = False,
    let_in: Annotated[
        str | None,
        typer.Option("--let-in", metavar="ID", callback=uuid_or_none, help="No longer keep out the texts of this scrub; nothing else."),
    ] = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Removes secrets from stored data.

    It applies the server's current rules to what was stored before, or removes the texts that it is given. It names what it could not reach.
    """
    if text not in (None, "-"):
        raise typer.BadParameter(
            "takes `-` alone: an argument would stay in the shell's history and in the list of processes", param_hint="--text"
        )
    display = display_for(is_quiet=as_json)
    server = at.server(display)
    if let_in is not None:
        typer.echo(server.ask("DELETE", f"/api/scrubs/{let_in}/kept-out")["message"])
        return
    wanted: dict[str, Any] = {"dry_run": dry_run}
    wanted |= {name: True for name, is_on in (("rewrite_large", rewrite_large), ("delete_uploads", delete_uploads)) if is_on}
    if texts := _texts_from(text, text_file):
        wanted |= {"texts": texts, "keep_out": keep_out}
    started = server.ask("POST", "/api/scrubs", wanted)
    if not is_waiting:
        write_json(started) if as_json else typer.echo(
            f"The scrub has started; its progress is at {server.url}/api/scrubs/{started['scrub_id']}."
        )
        return
    scrub_id = started["scrub_id"]
    ended = follow(server, f"/api/scrubs/{scrub_id}", f"The scrub {scrub_id}", lambda seen: display.note(sentence(seen)))
    write_end(ended, lambda scrub: typer.echo(sentence(scrub)), as_json=as_json)


def _texts_from(source: str | None, file: Path | None) -> list[str]:
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
