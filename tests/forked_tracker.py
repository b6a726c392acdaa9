"""`tracker` as a process of its own without the half second of imports: a fork of one process that has loaded all of it.

`python -P -m tests.forked_tracker <descriptor>` is that process. It starts no thread and reads no setting, so a fork of it begins as
`python -P -m client` does after its imports: with the arguments, environment, folder and streams that a test gives, and no open file but these.
Tests of the start itself (tests/flow/client/test_tracker_shell.py, documents, hooks, `top`) start Python.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NoReturn

REPOSITORY: Final = Path(__file__).parent.parent
# Loaded by a command when it runs.
_LATE: Final = ("rich.markdown", "rich.progress", "rich.table", "tarfile", "zipfile", "ijson", "zstandard", "http.client", "encodings.idna")
# Standard input, output and error, and where the end is told.
_DESCRIPTORS: Final = 4
_MESSAGE_BYTES: Final = 150_000


class ForkedTracker:
    """A running command."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self.pid = int(told.recv(32))
        self._returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, minus the signal that killed it. subprocess.TimeoutExpired if it still runs after `timeout` seconds."""
        if self._returncode is None:
            self._told.settimeout(timeout)
            try:
                self._returncode = int(self._told.recv(32))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("tracker", timeout or 0) from None
            self._told.close()
        return self._returncode

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, sig: int) -> None:
        """Nothing if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)


class TrackerForks:
    """Starts commands."""

    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking

    def start(
        self, arguments: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None, streams: tuple[int, int, int]
    ) -> ForkedTracker:
        """`tracker` with these arguments and descriptors, in a session of its own."""
        request = {"arguments": list(map(str, arguments)), "env": dict(env), "cwd": str(cwd or Path.cwd())}
        told, telling = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with telling:
            socket.send_fds(self._asking, [json.dumps(request).encode()], [*streams, telling.fileno()])
        return ForkedTracker(told)

    def run(
        self, arguments: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None, timeout: float = 90
    ) -> "subprocess.CompletedProcess[str]":
        """Like subprocess.run with text and captured output, and the standard input of the tests."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            started = self.start(arguments, env=env, cwd=cwd, streams=(0, output.fileno(), errors.fileno()))
            try:
                returncode = started.wait(timeout)
            except subprocess.TimeoutExpired:
                started.send_signal(signal.SIGKILL)
                raise
            return subprocess.CompletedProcess(["tracker", *map(str, arguments)], returncode, _text_of(output), _text_of(errors))


@contextmanager
def tracker_forks() -> Iterator[TrackerForks]:
    """The process that is forked runs inside."""
    asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "CLAUDE_", "XDG_"))}
    command = [sys.executable, "-P", "-m", "tests.forked_tracker", str(asked.fileno())]
    with (
        asking,
        subprocess.Popen(
            command, cwd=REPOSITORY, env=environment | {"PYTHONPATH": str(REPOSITORY)}, pass_fds=[asked.fileno()], start_new_session=True
        ) as process,
    ):
        asked.close()
        yield TrackerForks(asking)
        # No test asks any more: it ends.
        asking.close()
        process.wait(30)


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    with io.TextIOWrapper(file, encoding="utf-8") as text:
        return text.read()


def _load() -> None:
    """All of the client, and what it loads when it runs."""
    import client

    for module in pkgutil.walk_packages(client.__path__, "client."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("client.__main__", *_LATE):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _serve(asked: socket.socket) -> bool:
    """Until nobody asks any more: false. True in a fork that is a command now, and has to run it.

    Each command has a parent of its own, which tells its pid and its end.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, _MESSAGE_BYTES, _DESCRIPTORS)
        if not message:
            return False
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            *streams, telling = descriptors
            pid = os.fork()
            if pid == 0:
                _become(json.loads(message), streams)
                asked.detach()
                return True
            for descriptor in streams:
                os.close(descriptor)
            _tell_end(pid, socket.socket(fileno=telling))
        for descriptor in descriptors:
            os.close(descriptor)


def _tell_end(pid: int, teller: socket.socket) -> NoReturn:
    teller.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    teller.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """As the interpreter begins: what the request names is this process' own, and nothing else is open."""
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(len(streams), os.sysconf("SC_OPEN_MAX"))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.stdin, sys.stdout, sys.stderr = open(0, encoding="utf-8", closefd=False), _writer(1), _writer(2)  # noqa: SIM115
    sys.argv = ["tracker", *request["arguments"]]


def _writer(descriptor: int) -> io.TextIOWrapper:
    """UTF-8; by lines on a terminal, and for errors."""
    is_error = descriptor == 2
    buffering = 1 if is_error or os.isatty(descriptor) else -1
    return open(descriptor, "w", encoding="utf-8", errors="backslashreplace" if is_error else None, buffering=buffering, closefd=False)


if __name__ == "__main__":
    _load()
    if _serve(socket.socket(fileno=int(sys.argv[1]))):
        # From here on the interpreter ends it, as it ends any program.
        from client.__main__ import main

        main()
