"""The HTTP server around the apps: slow, huge or non-reading clients, or too many, are cut off without harm to others."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx2 as httpx
import pytest

from deploy.embedded.paths import REPOSITORY
from shared.http.server import MAX_HEAD_BYTES, MAX_PIPELINED, ClientLimits
from tests.bench.asking import REUSE_SECONDS, Asker
from tests.integration.served_app import GET, HANG_SECONDS, IMPATIENT, LASTING, LOOKS_EVERY_SECONDS, App, Served, rest, running


@pytest.fixture
def served() -> Iterator[Served]:
    app = App()
    with running(app) as address:
        yield Served(app, address)


@pytest.fixture
def lasting() -> Iterator[Served]:
    """Behind a server that does not close connections that are idle for less than HANG_SECONDS."""
    app = App()
    with running(app, LASTING) as address:
        yield Served(app, address)


def test_clients_that_do_not_finish_their_head_are_cut_off(served: Served) -> None:
    unfinished = [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"\r\n", GET + b"GET /again HTTP/1.1\r\nHost"]
    with ExitStack() as clients:
        connected = [clients.enter_context(served.connect()) for _ in unfinished]
        for client, sent in zip(connected, unfinished, strict=True):
            client.sendall(sent)
        assert [rest(client).count(b"200 OK") for client in connected] == [sent.count(GET) for sent in unfinished]
    assert b"answer" in served.ask()


def test_a_client_that_drips_its_head_is_cut_off(served: Served) -> None:
    with served.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        client.settimeout(0.05)
        for _ in range(HANG_SECONDS * 20):
            try:
                client.sendall(b"X: y\r\n")
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("still connected")
    assert served.app.asked == []


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"GET /"])
def test_an_endless_head_is_400_with_the_common_error_body(served: Served, start: bytes) -> None:
    with served.connect() as client:
        client.sendall(start + b"a" * (2 * MAX_HEAD_BYTES))
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"code": "VALIDATION_ERROR"' in answer
    assert b"x-content-type-options: nosniff" in answer
    assert served.app.asked == []


MALFORMED = [
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1", b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
]  # fmt: skip


def test_malformed_http_is_400_with_the_common_error_body(served: Served, subtests: pytest.Subtests) -> None:
    for sent in MALFORMED:
        with subtests.test(sent=sent), served.connect() as client:
            client.sendall(sent)
            answer = rest(client)
            assert b"HTTP/1.1 400" in answer
            assert b'{"error": true, "message": "Invalid HTTP request received.", "code": "VALIDATION_ERROR", "details": {}}' in answer


def test_an_unwanted_body_is_not_read_for_ever(served: Served) -> None:
    with served.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
        sent = 0
        client.settimeout(HANG_SECONDS)
        try:
            while sent < 100 * 1024**3:
                sent += client.send(bytes(65536))
        except ConnectionError:
            return
    pytest.fail("all of it was taken")


def test_a_client_that_does_not_read_its_answer_is_cut_off(served: Served) -> None:
    with served.connect() as client:
        client.sendall(GET.replace(b"/ ", b"/large ", 1))
        # The app goes on only when what waits for the client is gone: taken or dropped.
        assert served.app.large_ended.wait(HANG_SECONDS)
        assert len(rest(client)) < 64 * 1024 * 1024
    assert b"answer" in served.ask()


def test_a_client_that_starts_reading_in_time_gets_the_whole_answer() -> None:
    app = App()
    with running(app, replace(IMPATIENT, unread_seconds=HANG_SECONDS)) as address, socket.create_connection(address) as client:
        client.sendall(GET.replace(b"/ ", b"/large ", 1))
        # The server has looked at the connection meanwhile, and nothing had been taken.
        time.sleep(2 * LOOKS_EVERY_SECONDS)
        answer = rest(client)
    assert len(answer) > 64 * 1024 * 1024
    assert app.large_ended.is_set()


def test_a_connection_above_the_limit_is_closed_and_the_others_stay(lasting: Served) -> None:
    kept = [lasting.connect() for _ in range(IMPATIENT.max_connections)]
    for client in kept:
        client.sendall(GET)
        assert b"answer" in client.recv(65536)
    with lasting.connect() as refused:
        assert rest(refused) == b""
    for client in kept:
        client.sendall(GET)
        assert b"answer" in client.recv(65536)
        client.close()


def test_a_keep_alive_connection_is_served_repeatedly(lasting: Served) -> None:
    with lasting.connect() as client:
        for _ in range(3):
            client.sendall(GET)
            assert b"answer" in client.recv(65536)


def test_a_request_is_marked_when_its_whole_body_has_arrived(lasting: Served) -> None:
    head = b"POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"
    with lasting.connect() as client:
        # Given a body that comes with its head, and one that comes after the app has begun
        client.sendall(head + b"body")
        assert b"answer" in client.recv(65536)
        client.sendall(head + b"bo")
        while len(lasting.app.arrived_whole) < 2:
            time.sleep(0.01)
        client.sendall(b"dy")
        assert b"answer" in client.recv(65536)

    # Then the app knows which was there at once, and has both
    assert lasting.app.arrived_whole == [True, False]
    assert lasting.app.bodies == [b"body", b"body"]


def test_the_keep_alive_timeout_exceeds_that_of_clients() -> None:
    """Else a request would now and then be sent while the server closes, and have no answer."""
    kept = ClientLimits(max_connections=8).head_seconds
    [by_nginx] = re.findall(r"^keepalive_timeout (\d+)s;$", (REPOSITORY / "deploy/gateway/keepalive.conf").read_text(), re.MULTILINE)
    assert kept > int(by_nginx)
    assert kept > httpx.Limits().keepalive_expiry
    assert kept > REUSE_SECONDS


def test_the_benchmark_client_reconnects_after_a_pause(served: Served) -> None:
    # Given a client whose connection the server has closed meanwhile
    asker = Asker(served.port, reuse_seconds=IMPATIENT.head_seconds / 2)
    asker.time("/first")
    time.sleep(IMPATIENT.head_seconds + 2 * LOOKS_EVERY_SECONDS)

    # Then it asks on a new one, and keeps that
    asker.time("/second")
    asker.time("/third")
    asker.close()
    assert served.app.asked == ["/first", "/second", "/third"]


def statuses(answers: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1.1 (\d+)", answers)


def post(body: bytes) -> bytes:
    return b"POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_pipelined_requests_above_the_limit_are_400(lasting: Served) -> None:
    with lasting.connect() as client:
        client.sendall(GET * (MAX_PIPELINED * 10))
        answers = rest(client)
    assert MAX_PIPELINED <= len(lasting.app.asked) <= MAX_PIPELINED + 2
    assert statuses(answers) == [b"200"] * len(lasting.app.asked) + [b"400"]


def test_eighteen_pipelined_writes_are_processed_in_order(lasting: Served) -> None:
    bodies = [b"%d" % number for number in range(18)]
    with lasting.connect() as client:
        client.sendall(b"".join(map(post, bodies)) + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answers = rest(client)
    assert statuses(answers) == [b"200"] * 19
    assert lasting.app.bodies == bodies


@pytest.mark.parametrize("broken", [b"hello\r\n\r\n", b"POST /take HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_requests_before_malformed_http_are_answered_first(lasting: Served, broken: bytes) -> None:
    with lasting.connect() as client:
        client.sendall(post(b"first") + post(b"second") + broken)
        answers = rest(client)
    assert lasting.app.bodies == [b"first", b"second"]
    assert statuses(answers) == [b"200", b"200", b"400"]


def test_trailers_are_not_headers(lasting: Served) -> None:
    with lasting.connect() as client:
        client.sendall(b"POST /take HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n")
        time.sleep(0.2)
        client.sendall(b"0\r\nAuthorization: Bearer x\r\nX-Trailer: 1\r\n\r\n")
        assert b"answer" in rest(client)
    assert lasting.app.bodies == [b"hello"]
    assert [name for name, _ in lasting.app.headers] == [b"host", b"transfer-encoding", b"connection"]
