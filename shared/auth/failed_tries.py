"""Bounds how many keys can be tried out, each of which costs a look into the database. Tries of one process, in its memory.

An address may try some wrong keys, and as many in each minute after that. All addresses together have a budget too. It refuses only addresses that
have used a part of their own: many attackers cannot lock out an address that has tried nothing. A key that was presented before is no try: neither
a valid one, nor an old one that a program sends again and again.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from shared.http.errors import TooManyTries

# Wrong keys that an address may try at once, and in a minute after that.
OF_AN_ADDRESS: Final = 20
# The same, of all addresses.
OF_ALL: Final = 200
# An address that has tried fewer is not refused for what others do.
FREE: Final = 5
# Those that failed longest ago are forgotten.
MAX_ADDRESSES: Final = 10_000
# One customer of a network has so many of an IPv6 address' bits.
_IPV6_BITS: Final = 64


class FailedTries:
    """Buckets that fill with failures and run empty in a minute."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # {address: (failures that still count, when that was)}
        self._of_addresses: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._of_all = (0.0, now())

    def check(self, address: str) -> None:
        """TooManyTries if the address must wait before it tries another key."""
        own = self._left(*self._of_addresses.get(network_of(address), (0.0, 0.0)), OF_AN_ADDRESS)
        everybody = self._left(*self._of_all, OF_ALL)
        waits = [(own - OF_AN_ADDRESS + 1) / OF_AN_ADDRESS]
        if own >= FREE:
            waits.append((everybody - OF_ALL + 1) / OF_ALL)
        if (minutes := max(waits)) > 0:
            raise TooManyTries(
                "Too many keys that are not valid were tried from here; wait before you try another.",
                retry_after_seconds=max(1, math.ceil(minutes * 60)),
            )

    def add(self, address: str) -> None:
        """A key that was tried from the address is not valid."""
        network = network_of(address)
        own = self._left(*self._of_addresses.pop(network, (0.0, 0.0)), OF_AN_ADDRESS)
        # Requests that were in progress together may have failed together. None has to wait for longer than a minute.
        self._of_addresses[network] = (min(own + 1, 2 * OF_AN_ADDRESS), self._now())
        self._of_all = (min(self._left(*self._of_all, OF_ALL) + 1, 2 * OF_ALL), self._now())
        while len(self._of_addresses) > MAX_ADDRESSES:
            self._of_addresses.popitem(last=False)

    def _left(self, failures: float, at: float, a_minute: int) -> float:
        return max(0.0, failures - (self._now() - at) * a_minute / 60)


@lru_cache(maxsize=1_000)
def network_of(address: str) -> str:
    """An IPv4 address, or the network of an IPv6 address; anything else is itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _IPV6_BITS), strict=False))
