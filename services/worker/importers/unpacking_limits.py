"""Limits for archives, since a few bytes can unpack to any size, and the errors of archives that cannot be read."""

from dataclasses import dataclass

from services.worker.persist.records import DAMAGED

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond any limit, the rest of the archive is not read. Members read before are kept."""

    entries: int = 100_000
    unpacked_bytes: int = 64 * 1024 * MEGABYTE
    # Unpacked to packed bytes, checked from this size on: transcripts pack to between a fifth and a thirtieth.
    ratio: int = 250
    ratio_from_bytes: int = 64 * MEGABYTE
    # The list of a zip's members is read at once.
    directory_bytes: int = 64 * MEGABYTE


LIMIT_EXCEEDED = "LIMIT_EXCEEDED"


class Unreadable(OSError):
    """The bytes cannot be read. Its text is for users and quotes nothing of the file."""


class LimitExceeded(Unreadable):
    """Reading on would cost too much."""


class Budget:
    """Counts packed and unpacked bytes of the whole archive. Once a limit is exceeded, nothing more is unpacked."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._unpacked = 0
        self._packed = 0
        self._spent: str | None = None

    def take(self, packed: int) -> None:
        """Adds packed bytes that are about to be unpacked."""
        self._packed += packed

    def spend(self, unpacked: int, *, unpacked_here: int, packed_here: int) -> None:
        """Adds unpacked bytes. LimitExceeded if it is too much in all, or for the packed bytes of this member or of all members."""
        self._unpacked += unpacked
        if self._unpacked > self.limits.unpacked_bytes:
            self._spent = f"it unpacks to more than {self.limits.unpacked_bytes} bytes"
        elif self._is_too_much(unpacked_here, packed_here) or self._is_too_much(self._unpacked, max(self._packed, packed_here)):
            self._spent = f"it unpacks to more than {self.limits.ratio} times its size"
        if self._spent is not None:
            raise LimitExceeded(self._spent)

    def _is_too_much(self, unpacked: int, packed: int) -> bool:
        return unpacked > self.limits.ratio_from_bytes and unpacked > self.limits.ratio * packed


def code_of(error: Exception) -> str:
    """The error code for a file that cannot be read any further."""
    return LIMIT_EXCEEDED if isinstance(error, LimitExceeded) else DAMAGED
