"""What every command of `tracker` has: where the server is, how the result is written, and how it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import typer

from client.display import Quiet
from client.errors import INTERRUPTED, Failure, Interrupted
from client.server import InvalidUrl, Server

DEFAULT_URL = "http://127.0.0.1:8000"

Url = Annotated[str, typer.Option("--url", envvar="TRACKER_URL", help="Where the tracker is.")]
Token = Annotated[str | None, typer.Option("--token", envvar="TRACKER_TOKEN", help="Sent as Authorization: Bearer.")]
AsJson = Annotated[bool, typer.Option("--json", help="The result as JSON on standard output.")]


def uuid_text(value: str) -> str:
    """The id as it is. Wrong usage if it is none."""
    try:
        UUID(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is no id; it looks like 01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11") from None
    return value


@contextmanager
def ending() -> Iterator[None]:
    """Every way to end, as a sentence and an exit code."""
    try:
        yield
    except Failure as failure:
        typer.echo(str(failure), err=True)
        raise typer.Exit(failure.exit_code) from None
    except Interrupted as interrupted:
        typer.echo(str(interrupted), err=True)
        raise typer.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing was sent.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def server_at(url: str, token: str | None, display: Quiet) -> Server:
    """The server, which is not spoken to yet. Wrong usage if the URL is none."""
    try:
        return Server(url, token, display.note)
    except InvalidUrl as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None
