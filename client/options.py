"""The shared parts of every command of `tracker`: the options for the server and the format, and the exit codes.

Options that go together are a frozen dataclass. A command takes it as one parameter, and Typer sees its fields (`with_groups`).
"""

import inspect
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints
from uuid import UUID

import typer

from client.capture.folder import LOCAL_URL, capture_folder, read_object, server_of, text_of, user_name
from client.errors import FAILED, INTERRUPTED, Failure, Interrupted
from client.http.address import InvalidKey, InvalidUrl
from client.http.server import Server
from client.output.display import Quiet
from client.output.terminal import write_json

AsJson = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]

_EXAMPLE: Final = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
# A slip of one or two characters must not undo an import.
_UUID_BEGINNING: Final = re.compile(r"[0-9a-fA-F]{4}[0-9a-fA-F-]*")


def uuid_text(value: str) -> str:
    """The text itself. BadParameter if it is not a UUID."""
    try:
        UUID(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is not an id; an id looks like {_EXAMPLE}") from None
    return value


def uuid_or_none(value: str | None) -> str | None:
    """The same for an option that may be left out."""
    return None if value is None else uuid_text(value)


def uuid_beginning(value: str) -> str:
    """The text itself. BadParameter if no UUID begins so, or if it has fewer than four digits."""
    if not _UUID_BEGINNING.fullmatch(value):
        raise typer.BadParameter(f"{value!r} is not the beginning of an id, four characters or more; an id looks like {_EXAMPLE}")
    return uuid_text(value) if len(value) >= len(_EXAMPLE) else value


def with_groups(command: Callable[..., Any] | None) -> Callable[..., None]:
    """The command as Typer takes it: its groups of options one by one, and a failure as a sentence and an exit code."""
    assert command is not None
    parameters = inspect.signature(command).parameters
    groups: dict[str, Any] = {name: each.annotation for name, each in parameters.items() if is_dataclass(each.annotation)}

    @wraps(command)
    def run(**given: Any) -> None:
        with failures_as_exit_codes():
            for name, group in groups.items():
                given[name] = group(**{each.name: given.pop(each.name) for each in _parameters_of(group)})
            command(**given)

    taken = (option for name, each in parameters.items() for option in (_parameters_of(groups[name]) if name in groups else [each]))
    run.__dict__["__signature__"] = inspect.Signature([each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in taken])
    return run


@cache
def _parameters_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(group)
    ]


@contextmanager
def failures_as_exit_codes() -> Iterator[None]:
    """Turns a failure into one sentence on standard error and an exit code."""
    try:
        yield
    except Failure as failure:
        typer.echo(str(failure), err=True)
        raise typer.Exit(failure.exit_code) from None
    except Interrupted as interrupted:
        typer.echo(str(interrupted), err=True)
        raise typer.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted. Nothing was sent.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def write_end(work: Any, write: Callable[[Any], object], successes: Collection[str] = ("succeeded",), *, as_json: bool) -> None:
    """Work of the server that has ended, as JSON or by `write`. Exit code 1 for another status than `successes`."""
    write_json(work) if as_json else write(work)
    if work["status"] not in successes:
        raise typer.Exit(FAILED)


def own_name() -> str | None:
    """The person's name, as `tracker connect` or the machine has it. None without a value."""
    try:
        stored = read_object(capture_folder(os.environ, Path.home()) / "config.json")
    except RuntimeError:
        # The user has no home, as in some containers.
        stored = {}
    return text_of(stored, "user") or user_name(os.environ)


@dataclass(frozen=True, slots=True)
class At:
    """The server that a command asks."""

    # Empty: where `tracker connect` said, else this machine.
    url: Annotated[
        str,
        typer.Option(
            "--url",
            envvar="TRACKER_URL",
            show_default=False,
            help=f"Where the tracker is. Default: where `tracker connect` said, else {LOCAL_URL}.",
        ),
    ] = ""
    token: Annotated[str | None, typer.Option("--token", envvar="TRACKER_TOKEN", help="The API key, if the server asks for one.")] = None

    def known(self) -> "At":
        """With what `tracker connect` said where nothing is given."""
        try:
            stored = read_object(capture_folder(os.environ, Path.home()) / "config.json")
        except RuntimeError:
            # The user has no home, as in some containers.
            return At(self.url or LOCAL_URL, self.token)
        return At(*server_of(stored, self.url, self.token))

    def server(self, display: Quiet | None = None) -> Server:
        """The server, without connecting to it. BadParameter if the URL or the key is not valid. `display` shows why it waits."""
        known = self.known()
        try:
            return Server(known.url, known.token, (display or Quiet()).note)
        except InvalidUrl as error:
            raise typer.BadParameter(str(error), param_hint="--url") from None
        except InvalidKey as error:
            raise typer.BadParameter(str(error), param_hint="--token") from None
