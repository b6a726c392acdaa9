"""Settings that refuse to start: reachable from other machines without keys, or invalid."""

import pytest
from pydantic import ValidationError

from shared.http.bind_safety import HttpSettings, UnsafeBind, check_host_setting, check_listen_address, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_loopback_addresses_are_recognized(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.168.1.5", "tracker.lan", "localhost.evil", "::ffff:10.0.0.1", "127.0.0.1.evil"])
def test_other_addresses_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_open_access_refuses_to_start_on_a_reachable_address() -> None:
    with pytest.raises(UnsafeBind, match=r"TRACKER_HOST=0\.0\.0\.0 can be reached from other machines.*TRACKER_ACCESS=keys"):
        check_host_setting(HttpSettings(host="0.0.0.0"))
    # Behind a gateway too: what is published is TRACKER_HOST.
    with pytest.raises(UnsafeBind):
        check_host_setting(HttpSettings(host="10.0.0.5", behind_gateway="on"))
    check_host_setting(HttpSettings(host="0.0.0.0", access="keys"))


def test_a_service_refuses_a_public_bind_without_keys_or_gateway() -> None:
    with pytest.raises(UnsafeBind, match=r"0\.0\.0\.0 can be reached from other machines.*TRACKER_BEHIND_GATEWAY=on"):
        check_listen_address(HttpSettings(), "0.0.0.0")
    check_listen_address(HttpSettings(), "127.0.0.1")
    check_listen_address(HttpSettings(behind_gateway="on"), "0.0.0.0")
    check_listen_address(HttpSettings(access="keys"), "0.0.0.0")


@pytest.mark.parametrize(
    "wrong",
    [
        {"cors_origins": "*"}, {"cors_origins": "dash.example"}, {"cors_origins": "https://dash.example/"}, {"cors_origins": "null"},
        {"cors_origins": "https://*.example"}, {"allowed_hosts": "http://tracker.lan"}, {"allowed_hosts": "tracker.lan:80"}, {"allowed_hosts": "*"},
        {"access": "closed"}, {"behind_gateway": "maybe"}, {"max_requests": 0},
    ],
)  # fmt: skip
def test_an_invalid_setting_stops_the_start(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HttpSettings(**wrong)  # type: ignore[arg-type]
