"""What the client makes of answers that a tracker, or something before it, may give: over real sockets, from a server that does as it is told."""

from collections.abc import Iterator

import pytest

from client import server as server_module
from client.errors import NotNow, Refused, Unreachable
from client.server import InvalidUrl, Server
from tests.unit.client.scripted_server import Scripted, after_the_body, answer, hang_up

NOT_NOW = answer(503, {"error": True, "message": "Wait.", "code": "BACKLOG_FULL", "details": {}}, Retry_After="0")
TOO_LARGE = answer(413, {"error": True, "message": "Too much.", "code": "PAYLOAD_TOO_LARGE", "details": {"max_bytes": 7}})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PAUSES_SECONDS", (0.0, 0.0))


def client(scripted: Scripted, token: str | None = None, path: str = "") -> tuple[Server, list[str]]:
    said: list[str] = []
    return Server(scripted.url + path, token, said.append), said


def test_an_answer_is_its_json_and_the_token_and_the_path_before_it_are_sent() -> None:
    with Scripted(answer(200, {"a": 1})) as scripted:
        assert client(scripted, "t0k", "/tracker/")[0].ask("GET", "/api/x?y=1") == {"a": 1}
    [(method, path, headers)] = scripted.seen
    assert (method, path, headers["authorization"]) == ("GET", "/tracker/api/x?y=1", "Bearer t0k")


def test_what_is_refused_is_told_in_the_servers_words() -> None:
    with Scripted(TOO_LARGE) as scripted, pytest.raises(Refused, match=r"^Too much\.$") as caught:
        client(scripted)[0].ask("POST", "/", {})
    assert (caught.value.status, caught.value.details, caught.value.exit_code) == (413, {"max_bytes": 7}, 1)


def test_what_is_no_answer_of_a_tracker_says_so() -> None:
    with Scripted(answer(200, b"<html>")) as scripted, pytest.raises(Refused, match="not how a tracker answers"):
        client(scripted)[0].ask("GET", "/")


def test_what_cannot_be_taken_now_is_sent_again_and_given_up_at_last() -> None:
    with Scripted(NOT_NOW, NOT_NOW, answer(200, {})) as scripted:
        server, said = client(scripted)
        assert server.ask("POST", "/", {}) == {}
        assert said == ["Wait.", "Wait."]
    with Scripted(NOT_NOW) as scripted, pytest.raises(NotNow):
        client(scripted)[0].ask("POST", "/", {})
    assert len(scripted.seen) == 3


def test_an_upload_that_is_cut_off_is_sent_again_from_its_beginning() -> None:
    begun: list[int] = []

    def body() -> Iterator[bytes]:
        begun.append(1)
        yield from [b"chunk"] * 3

    with Scripted(after_the_body(hang_up), after_the_body(answer(202, {"job_id": "j"}))) as scripted:
        server, said = client(scripted)
        assert server.upload("/", {"Idempotency-Key": "k"}, body) == {"job_id": "j"}
    assert (len(begun), len(said)) == (2, 1)
    assert [headers["idempotency-key"] for _, _, headers in scripted.seen] == ["k", "k"]


def test_a_server_that_refuses_an_upload_early_is_heard_before_all_is_sent() -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65536

    with Scripted(TOO_LARGE) as scripted, pytest.raises(Refused) as caught:
        client(scripted)[0].upload("/", {}, body)
    assert caught.value.details == {"max_bytes": 7}


def test_where_nobody_listens_it_says_the_url_and_what_to_do() -> None:
    with Scripted(NOT_NOW) as scripted:
        url = scripted.url
    with pytest.raises(Unreachable, match=rf"There is no tracker at {url} .*make up.*--url") as caught:
        Server(url, None, lambda _: None).ask("GET", "/")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "", "http://host:99999"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl):
        Server(url, None, lambda _: None)


def test_a_url_may_be_a_host_and_port() -> None:
    with Scripted(answer(200, {})) as scripted:
        assert Server(scripted.url.removeprefix("http://"), None, lambda _: None).ask("GET", "/") == {}
