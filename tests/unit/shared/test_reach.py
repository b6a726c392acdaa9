"""What is refused at the start: other machines without keys, and settings that say nothing sensible."""

import pytest
from pydantic import ValidationError

from shared.http.bind_safety import NotReachable, ReachSettings, check_bind, check_reach, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.168.1.5", "tracker.lan", "localhost.evil", "::ffff:10.0.0.1", "127.0.0.1.evil"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_an_open_tracker_does_not_start_where_other_machines_reach_it() -> None:
    with pytest.raises(NotReachable, match=r"TRACKER_HOST=0\.0\.0\.0 can be reached from other machines.*TRACKER_ACCESS=keys"):
        check_reach(ReachSettings(host="0.0.0.0"))
    # Behind a gateway too: what is published is TRACKER_HOST.
    with pytest.raises(NotReachable):
        check_reach(ReachSettings(host="10.0.0.5", behind_gateway="on"))
    check_reach(ReachSettings(host="0.0.0.0", access="keys"))


def test_a_service_by_itself_does_not_listen_for_others_without_keys_or_gateway() -> None:
    with pytest.raises(NotReachable, match=r"0\.0\.0\.0 can be reached from other machines.*TRACKER_BEHIND_GATEWAY=on"):
        check_bind(ReachSettings(), "0.0.0.0")
    check_bind(ReachSettings(), "127.0.0.1")
    check_bind(ReachSettings(behind_gateway="on"), "0.0.0.0")
    check_bind(ReachSettings(access="keys"), "0.0.0.0")


@pytest.mark.parametrize(
    "wrong",
    [
        {"cors_origins": "*"}, {"cors_origins": "dash.example"}, {"cors_origins": "https://dash.example/"}, {"cors_origins": "null"},
        {"cors_origins": "https://*.example"}, {"allowed_hosts": "http://tracker.lan"}, {"allowed_hosts": "tracker.lan:80"}, {"allowed_hosts": "*"},
        {"access": "closed"}, {"behind_gateway": "maybe"}, {"max_requests": 0},
    ],
)  # fmt: skip
def test_a_setting_that_says_nothing_sensible_stops_the_start(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReachSettings(**wrong)  # type: ignore[arg-type]
