"""`tracker capture -- COMMAND`: the sessions of one command, for CI. Nothing of it stays on the machine."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

import typer

from client.capture.folder import COMMANDS, SERVER_VARIABLES, make_private_folder, read_object, write_private
from client.capture.readings.rate_limit_events import RateLimitEvents
from client.connect.claude_program import find_claude
from client.connect.own_files import config_file, hook_of, script_files, stored_config, telemetry_headers, tracker_command
from client.connect.places import Places
from client.connect.plan import telemetry_decided
from client.connect.run_program import run_program
from client.connect.running_shipper import stop_shipper
from client.connect.settings.hook_events import hooks_of
from client.connect.settings.settings_files import write
from client.connect.settings.telemetry import decided_elsewhere, with_telemetry
from client.errors import DONE, Failure
from shared.quantities import counted

WAIT_SECONDS: Final = 10
_CLAUDE: Final = "claude"
_NOT_FOUND: Final = 127
_SIGNALLED: Final = 128
_PRINTS_EVENTS: Final = {"stream-json", "--output-format=stream-json"}
_LAST_LINES_SECONDS: Final = 5.0
_STANDARD_OUTPUT: Final = 1


class WrongSettings(Failure):
    """The value that the command gives to --settings cannot be read."""


def capture(
    command: list[str], places: Places, *, url: str, token: str | None, user: str | None, wait_seconds: float = WAIT_SECONDS
) -> int:
    """Runs the command with hooks of its own, sends everything, and returns the command's exit code."""
    folder = Path(tempfile.mkdtemp(prefix="tracker-capture-"))
    own = replace(places, capture=folder)
    try:
        command, given = _given_settings(command)
        settings = _prepare(own, places, url, token, user, given)
        environment = {**places.environment, "TRACKER_CAPTURE_DIR": str(folder)}
        # The key is in the folder; the command need not have it.
        environment.pop("TRACKER_TOKEN", None)
        with _known_to_the_hook(places, folder):
            is_claude = Path(command[0]).name == _CLAUDE
            arguments = ["--settings", str(settings), *command[1:]] if is_claude else command[1:]
            # Its events are for a program that reads lines, so that they may come through here.
            events = RateLimitEvents(folder) if is_claude and _PRINTS_EVENTS & {*command[1:]} else None
            exit_code = _run([command[0], *arguments], _with_shim(environment, folder, settings), events)
        _send(own, token, wait_seconds)
        return exit_code
    finally:
        stop_shipper(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _known_to_the_hook(places: Places, folder: Path) -> Iterator[None]:
    """Meanwhile the hook of this machine, if it is connected, keeps the command's sessions in this folder too, and not in its own."""
    named = places.capture / COMMANDS / folder.name
    if places.config.is_file():
        # Where that cannot be written, the machine's own shipper sends them as well, as it does without us.
        with suppress(OSError):
            make_private_folder(named.parent)
            write_private(named, f"{folder}\n")
    try:
        yield
    finally:
        named.unlink(missing_ok=True)


def _prepare(own: Places, places: Places, url: str, token: str | None, user: str | None, given: dict[str, Any]) -> Path:
    """Writes the folder of this command. Returns its settings: those given, with hooks and telemetry of ours.

    The hooks are all there are: whether the server takes telemetry is not asked, since one that hangs would hold up the command.
    """
    config = config_file(own, {"url": url, "token": token, "user": user, "only_hooked": True, **_machine(places, url, user)})
    assert config.after is not None
    for change in [*script_files(own), config, telemetry_headers(own, json.loads(config.after))]:
        assert change.after is not None
        write(change.path, change.after, 0o700 if change.path in (own.script, own.ship) else None)
    claude = find_claude(places.environment)
    hooks = hooks_of(hook_of(own), None if claude is None else claude.version)
    text = json.dumps({**given, "hooks": _joined(given.get("hooks", {}), hooks)})
    # An exporter that is somebody else's is left alone. Variables of the settings are for Claude Code, not for all that the command runs.
    if telemetry_decided(places, Path.cwd()) is None and decided_elsewhere([(Path("--settings"), given)], {}) is None:
        text = with_telemetry(text, url.rstrip("/"), own.telemetry_headers)
    settings = own.capture / "settings.json"
    write(settings, text.encode())
    return settings


def _machine(places: Places, url: str, user: str | None) -> dict[str, Any]:
    """This machine, if it is known. Else all jobs of a user are one machine: each has a new name, which is soon silent for good."""
    known = {**read_object(places.capture / "machine.json"), **(stored_config(places.config) if places.config.is_file() else {})}
    if isinstance(known.get("machine_id"), str):
        return {name: str(known[name]) for name in ("machine_id", "machine_name") if name in known}
    return {"machine_id": sha256(f"ci {url} {user}".encode()).hexdigest()[:32], "machine_name": "CI", "is_for_jobs": True}


def _given_settings(command: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The command without its --settings, and what these say, if it is `claude` itself. Raises WrongSettings."""
    said: dict[str, Any] = {}
    if Path(command[0]).name != _CLAUDE:
        return command, said
    kept: list[str] = []
    rest = iter(command)
    for word in rest:
        name, is_joined, value = word.partition("=")
        if name != "--settings":
            kept.append(word)
            continue
        read = _read_settings(value if is_joined else next(rest, ""))
        said = {**said, **read, "hooks": _joined(said.get("hooks", {}), read.get("hooks", {}))}
    return kept, said


def _read_settings(given: str) -> dict[str, Any]:
    """The settings of the command line, a file or JSON. Raises WrongSettings."""
    try:
        value: dict[str, Any] = json.loads(given if given.lstrip().startswith("{") else Path(given).read_bytes())
        # Raises if they have another shape than Claude Code reads.
        _joined(value.get("hooks", {}), {})
        dict(value.get("env", {}))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise WrongSettings(f"--settings {given[:100]} cannot be read ({error}). The command was not started.") from None
    return value


def _joined(first: dict[str, list[Any]], second: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The hooks of both."""
    return {event: [*first.get(event, []), *second.get(event, [])] for event in {**first, **second}}


def _with_shim(environment: dict[str, str], folder: Path, settings: Path) -> dict[str, str]:
    """The environment with a `claude` before the real one in PATH, for a script that calls it."""
    path = environment.get("PATH", os.defpath)
    program = shutil.which(_CLAUDE, path=path)
    if program is None:
        return environment
    shim = folder / "bin" / _CLAUDE
    quoted, file = shlex.quote(program), shlex.quote(str(settings))
    text = f'#!/bin/sh\ncase " $* " in\n*" --settings"*) exec {quoted} "$@" ;;\nesac\nexec {quoted} --settings {file} "$@"\n'
    write(shim, text.encode(), 0o700)
    return {**environment, "PATH": f"{shim.parent}{os.pathsep}{path}"}


def _run(command: list[str], environment: dict[str, str], events: RateLimitEvents | None) -> int:
    """The command's exit code; 128 and the signal's number if one ended it, as in a shell. With `events`, its output is looked at on its way."""
    try:
        with _ending(subprocess.Popen(command, env=environment, stdout=None if events is None else subprocess.PIPE)) as process:
            if events is not None and process.stdout is not None:
                reader = threading.Thread(target=_hand_on, args=(process.stdout, events), daemon=True)
                reader.start()
                code = process.wait()
                # A process that the command has started may keep its output open for long.
                reader.join(_LAST_LINES_SECONDS)
            else:
                code = process.wait()
    except OSError as error:
        typer.echo(f"{command[0]} could not be started: {error.strerror or error}", err=True)
        return _NOT_FOUND
    return code if code >= 0 else _SIGNALLED - code


def _hand_on(output: IO[bytes], events: RateLimitEvents) -> None:
    """Writes each line to standard output as it is, and looks at it. If nobody reads that any more, its own output tells the command, as in a shell."""
    # Not `sys.stdout`, which makes a text harmless for a terminal.
    with suppress(BrokenPipeError), output, open(_STANDARD_OUTPUT, "wb", closefd=False) as ours:
        for line in output:
            ours.write(line)
            ours.flush()
            # A full disk keeps the limits from the tracker, and nothing from the command.
            with suppress(OSError):
                events.look(line)


@contextmanager
def _ending(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """Hands signals on. The command decides what they mean; what it did is sent nevertheless. Ctrl-C reaches it by itself."""

    def hand_on(number: int, _frame: Any) -> None:
        process.send_signal(number)

    former = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for number in (signal.SIGTERM, signal.SIGHUP):
        former[number] = signal.signal(number, hand_on)
    try:
        yield process
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _send(own: Places, token: str | None, wait_seconds: float) -> None:
    """Sends everything, and says what could not be sent. A shipper of its own: that of the hooks may be in a pause, and knows less."""
    stop_shipper(own.capture)
    # Address and key are in the folder; the environment may have others than were given.
    environment = {name: value for name, value in own.environment.items() if name not in SERVER_VARIABLES}
    environment["TRACKER_CAPTURE_DIR"] = str(own.capture)
    command = [*tracker_command(), "ship", "--once", "--within", f"{wait_seconds:g}"]
    ended = run_program(command, environment)
    if ended.returncode == DONE:
        return
    status = read_object(own.capture / "status.json")
    hooks, files = (int(status.get(name) or 0) for name in ("spool_files", "files_unsent"))
    said = (ended.stderr.strip().splitlines() or ["no answer"])[-1]
    # The server's message never has the key; a proxy's may.
    said = said.replace(token, "…") if token else said
    typer.echo(f"tracker: not sent: {counted(hooks, 'hook')}, {counted(files, 'transcript')}. {said}", err=True)
