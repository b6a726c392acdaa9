"""What an archive may cost, and what went wrong with it: a few bytes can unpack to anything."""

from dataclasses import dataclass

from services.worker.persist.records import DAMAGED

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond any of them the archive is left where it is; what came before is kept."""

    entries: int = 100_000
    unpacked_bytes: int = 64 * 1024 * MEGABYTE
    # Unpacked to packed bytes, looked at once this much is unpacked: text of transcripts packs 5 to 30 times.
    ratio: int = 250
    ratio_from_bytes: int = 64 * MEGABYTE
    # The list of a zip's members is read at once.
    directory_bytes: int = 64 * MEGABYTE


LIMIT_EXCEEDED = "LIMIT_EXCEEDED"


class Unreadable(OSError):
    """The bytes cannot be had. Its text is for a person, and quotes nothing of the file."""


class LimitExceeded(Unreadable):
    """Reading on would cost too much."""


class Budget:
    """Counts what is unpacked over the whole archive, and what it came from. Once it is spent, nothing more is unpacked."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._unpacked = 0
        self._packed = 0
        self._spent: str | None = None

    def take(self, packed: int) -> None:
        """So many packed bytes more are unpacked, each once."""
        self._packed += packed

    def spend(self, unpacked: int, *, unpacked_here: int, packed_here: int) -> None:
        """LimitExceeded if it is too much in all, or too much for the packed bytes it came from, those of this member or of all so far."""
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
    """The code of the error that says why a file is not read any further."""
    return LIMIT_EXCEEDED if isinstance(error, LimitExceeded) else DAMAGED
