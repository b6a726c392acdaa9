"""Wrong keys are bounded by address and in all, and nobody is refused for what others have tried."""

import pytest

from shared.auth.failed_tries import FREE, MAX_ADDRESSES, OF_ALL, OF_AN_ADDRESS, FailedTries, network_of
from shared.http.errors import TooManyTries


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> FailedTries:
    return FailedTries(clock)


def fail(tries: FailedTries, address: str, times: int) -> None:
    for _ in range(times):
        tries.check(address)
        tries.add(address)


def retry_after(tries: FailedTries, address: str) -> int:
    with pytest.raises(TooManyTries) as refused:
        tries.check(address)
    return int(refused.value.headers["Retry-After"])


def test_an_address_waits_after_too_many_wrong_keys_and_another_does_not(tries: FailedTries, clock: Clock) -> None:
    fail(tries, "10.0.0.1", OF_AN_ADDRESS)

    seconds = retry_after(tries, "10.0.0.1")

    assert 1 <= seconds <= 60
    tries.check("10.0.0.2")
    clock.seconds += seconds
    tries.check("10.0.0.1")


def test_many_attackers_do_not_lock_out_an_address_that_has_tried_little(tries: FailedTries) -> None:
    for number in range(OF_ALL // 10):
        fail(tries, f"10.1.0.{number}", 10)
    fail(tries, "10.2.0.1", FREE - 1)

    # Then all addresses that have used a part of their own budget wait, and no other.
    assert retry_after(tries, "10.1.0.0") <= 60
    tries.check("10.2.0.1")
    tries.check("10.3.0.1")


def test_requests_that_fail_together_cost_no_more_than_a_minute(tries: FailedTries) -> None:
    for _ in range(10_000):
        tries.add("10.0.0.1")

    assert retry_after(tries, "10.0.0.1") <= 63


def test_failures_of_a_minute_ago_do_not_count(tries: FailedTries, clock: Clock) -> None:
    fail(tries, "10.0.0.1", OF_AN_ADDRESS)
    clock.seconds += 60

    fail(tries, "10.0.0.1", OF_AN_ADDRESS)


def test_the_memory_is_bounded(tries: FailedTries, clock: Clock) -> None:
    """given more addresses than are remembered, then the one that failed longest ago is forgotten."""
    fail(tries, "first", OF_AN_ADDRESS)
    for number in range(MAX_ADDRESSES):
        tries.add(f"address {number}")
    clock.seconds += 0.001

    tries.check("first")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_addresses_of_one_network_are_one(address: str, network: str) -> None:
    assert network_of(address) == network
