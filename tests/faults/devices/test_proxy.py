"""The fault proxy does what the faults need, tested with an echo server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.devices.proxy import Proxy

SILENCE_SECONDS = 0.2
HANG_SECONDS = 10.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "echo.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=_serve, args=(listening,), daemon=True)
        thread.start()
        yield path
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(HANG_SECONDS)


def _serve(listening: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        while data := connection.recv(1024):
            connection.sendall(data)


@pytest.fixture(params=["TCP", "Unix"])
def proxy(request: pytest.FixtureRequest, server: Path, tmp_path: Path) -> Iterator[Proxy]:
    proxy = Proxy(server, tmp_path / "proxy.sock" if request.param == "Unix" else None)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
def client(proxy: Proxy, tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET if proxy.port else socket.AF_UNIX) as client:
        client.settimeout(HANG_SECONDS)
        client.connect(("127.0.0.1", proxy.port) if proxy.port else str(tmp_path / "proxy.sock"))
        client.sendall(b"hello")
        assert client.recv(1024) == b"hello"
        yield client


def is_silent(client: socket.socket) -> bool:
    client.settimeout(SILENCE_SECONDS)
    try:
        client.recv(1024)
    except TimeoutError:
        return True
    finally:
        client.settimeout(HANG_SECONDS)
    return False


@pytest.mark.parametrize("direction", ["requests", "answers"])
def test_held_data_is_delivered_later(proxy: Proxy, client: socket.socket, direction: str) -> None:
    proxy.hold("requests" if direction == "requests" else "answers")
    client.sendall(b"anybody?")
    assert is_silent(client)
    proxy.let_pass()
    assert client.recv(1024) == b"anybody?"


def test_a_reset_ends_open_connections(proxy: Proxy, client: socket.socket) -> None:
    proxy.reset()
    with suppress(ConnectionResetError):
        assert client.recv(1024) == b""


def test_a_severed_connection_is_silent_for_ever(proxy: Proxy, client: socket.socket) -> None:
    proxy.sever()
    client.sendall(b"anybody?")
    assert is_silent(client)
    proxy.let_pass()
    assert is_silent(client)


@pytest.mark.parametrize("direction", ["requests", "answers"])
def test_a_half_closed_connection_is_at_its_end(proxy: Proxy, client: socket.socket, direction: str) -> None:
    proxy.half_close("requests" if direction == "requests" else "answers")
    assert client.recv(1024) == b""


def test_a_slow_connection_still_delivers(proxy: Proxy, client: socket.socket) -> None:
    proxy.slow_down(SILENCE_SECONDS)
    client.sendall(b"slow")
    assert is_silent(client)
    assert client.recv(1024) == b"slow"


@pytest.mark.parametrize("on_answer", [False, True], ids=["before the server has it", "before its answer goes back"])
def test_a_trap_holds_the_matching_data(proxy: Proxy, client: socket.socket, on_answer: bool) -> None:
    trap = proxy.trap(b"COMMIT", on_answer=on_answer)
    client.sendall(b"SELECT")
    assert client.recv(1024) == b"SELECT"
    client.sendall(b"COMMIT")
    trap.wait()
    assert is_silent(client)
    proxy.release(trap)
    assert client.recv(1024) == b"COMMIT"


def test_trapped_data_can_be_cut(proxy: Proxy, client: socket.socket) -> None:
    trap = proxy.trap(b"COMMIT", on_answer=True)
    client.sendall(b"COMMIT")
    trap.wait()
    proxy.release(trap, cut=True)
    with suppress(ConnectionResetError):
        assert client.recv(1024) == b""
