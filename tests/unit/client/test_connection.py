"""One connection to a server, kept open between requests, over real sockets."""

from http.server import BaseHTTPRequestHandler

import pytest

from client.http.connection import Connection, NotConnected, ServerAway
from tests.unit.client.scripted_server import Answer, Scripted, answer, hang_up


def noting_ports(ports: list[int], then: Answer) -> Answer:
    """Reads the body, notes the client's port, which is another for each connection, and answers."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        ports.append(handler.client_address[1])
        then(handler)

    return send


def then_gone(handler: BaseHTTPRequestHandler) -> None:
    """Answers as if the connection stayed, and closes it: so it is for a client that was idle."""
    answer(200, {"n": 1})(handler)
    hang_up(handler)


def send(connection: Connection) -> dict[str, int]:
    return connection.send("POST", "/api/hooks", b"{}", "application/json").body


def test_requests_share_a_connection() -> None:
    ports: list[int] = []
    with Scripted(noting_ports(ports, answer(200, {}))) as scripted, Connection(scripted.url, None) as connection:
        for _ in range(3):
            send(connection)

    assert (len(ports), len(set(ports))) == (3, 1)


def test_a_request_on_a_connection_that_the_server_closed_is_sent_again() -> None:
    ports: list[int] = []
    with Scripted(noting_ports(ports, then_gone)) as scripted, Connection(scripted.url, None) as connection:
        assert [send(connection) for _ in range(3)] == [{"n": 1}] * 3

    assert len(set(ports)) == 3


def test_a_request_on_a_new_connection_that_is_cut_is_not_sent_again() -> None:
    ports: list[int] = []
    with (
        Scripted(noting_ports(ports, hang_up)) as scripted,
        Connection(scripted.url, None) as connection,
        pytest.raises(ServerAway, match="closed connection without response"),
    ):
        send(connection)

    assert len(ports) == 1


def test_a_server_that_is_not_there_is_told_from_a_connection_that_was_lost() -> None:
    with Scripted(hang_up) as scripted:
        url = scripted.url

    with pytest.raises(NotConnected, match="refused"):
        send(Connection(url, None))
