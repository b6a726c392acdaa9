"""Pages of other origins in a real Chromium cannot write anything or read anything."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import EVIL_NAME, SECRET, Api

Attack = Callable[..., dict[str, Any]]


Turned = tuple[int, Callable[[], None]]


def test_a_same_origin_page_reads_and_writes(api: Api, turned: Turned, attack_from: Attack) -> None:
    """The attack is one: where it is allowed, it reads and writes."""
    port, turn = turned
    before = api.stored()
    result = attack_from(f"http://localhost:{port}/", f"http://localhost:{port}", turn, "look")
    assert SECRET in result["read"]["fetch"]
    assert result["answered"] == ["fetch", "post JSON", "upload"]
    after = api.stored()
    assert after["journal"] > before["journal"]
    assert after["import_jobs"] > before["import_jobs"]


@pytest.mark.parametrize("page_host", ["localhost", "127.0.0.1", EVIL_NAME])
@pytest.mark.parametrize("api_host", ["localhost", "127.0.0.1"])
def test_a_cross_origin_page_reads_and_writes_nothing(api: Api, elsewhere: int, attack_from: Attack, page_host: str, api_host: str) -> None:
    before = api.stored()
    result = attack_from(f"http://{page_host}:{elsewhere}/", f"http://{api_host}:{api.port}")
    assert result == {"read": {}, "answered": []}
    assert api.stored() == before


def test_a_dns_rebinding_page_reads_and_writes_nothing(api: Api, turned: Turned, attack_from: Attack) -> None:
    """DNS rebinding: to the browser the page and the API are one origin, so it is told of answers, but all of them are refusals."""
    port, turn = turned
    before = api.stored()
    result = attack_from(f"http://{EVIL_NAME}:{port}/", f"http://{EVIL_NAME}:{port}", turn)
    assert result["read"]
    assert {way: text for way, text in result["read"].items() if "HOST_NOT_ALLOWED" not in text} == {}
    assert SECRET not in str(result)
    assert api.stored() == before
